-- $1 name, $2 factory, $3 announce or NULL, $4 description or NULL, $5 who.
INSERT INTO certvendor.device_group (name, factory, announce, description, created_by)
VALUES ($1, $2, $3, coalesce($4, ''), regexp_replace($5, '^operator:', ''))
