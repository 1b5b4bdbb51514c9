-- $1 name, $2 factory, $3 description, $4 who.
UPDATE certvendor.device_group
SET description = $3, changed_at = now(), changed_by = regexp_replace($4, '^operator:', '')
WHERE name = $1 AND factory = $2
