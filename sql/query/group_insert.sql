-- $1 name, $2 factory, $3 announce or NULL, $4 policies, comma separated, or NULL.
INSERT INTO certvendor.device_group (name, factory, announce, policies)
VALUES ($1, $2, $3, coalesce(string_to_array($4, ','), '{}'))
