-- $1 name, $2 factory. Held also by who puts a device into the group: it must not go meanwhile.
SELECT FROM certvendor.device_group WHERE name = $1 AND factory = $2 FOR UPDATE
