-- $1 name, $2 factory, $3 announce or NULL, $4 policies, comma separated, or NULL, $5 description or NULL, $6 who.
INSERT INTO certvendor.device_group (name, factory, announce, policies, description, created_by)
VALUES ($1, $2, $3, coalesce(string_to_array($4, ','), '{}'), coalesce($5, ''), regexp_replace($6, '^operator:', ''))
