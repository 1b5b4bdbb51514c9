-- $1 name, $2 factory.
SELECT FROM certvendor.rotation_group WHERE name = $1 AND factory = $2 FOR UPDATE
