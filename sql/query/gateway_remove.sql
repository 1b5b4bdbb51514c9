-- $1 name.
UPDATE certvendor.gateway SET removed_at = now() WHERE name = $1 AND removed_at IS NULL
