-- $1 version, $2 name.
INSERT INTO certvendor.schema_migration (version, name) VALUES ($1::integer, $2)
