-- $1 name, $2 factory. No row affected while a device is in it.
DELETE FROM certvendor.device_group g WHERE g.name = $1 AND g.factory = $2
	AND NOT EXISTS (SELECT FROM certvendor.device d WHERE d.factory = g.factory AND d.group_name = g.name)
