-- $1 name, $2 factory, $3 announce or NULL.
INSERT INTO certvendor.device_group (name, factory, announce) VALUES ($1, $2, $3)
