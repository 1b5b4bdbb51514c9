-- $1 name, $2 factory, $3 announce or NULL: what the factory says.
UPDATE certvendor.device_group SET announce = $3 WHERE name = $1 AND factory = $2
