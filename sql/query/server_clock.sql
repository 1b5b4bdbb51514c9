-- Milliseconds since 1970 by the clock of the database server.
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
