-- Run by the PostgreSQL image when it makes the database: the login of the service. It may do what "certvendor
-- migrate" grants to its group, and nothing else.
\set password `cat /run/secrets/service_password`
CREATE ROLE certvendor_service NOLOGIN;
CREATE ROLE certvendor LOGIN PASSWORD :'password' IN ROLE certvendor_service;
