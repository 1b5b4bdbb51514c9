-- $1 factory, $2 device. Result: JSON object.
SELECT (certvendor.ota_device_object(o) || jsonb_build_object(
	'hardware-info', jsonb_build_object('id', coalesce(o.hardware_id, '')),
	'group', (SELECT g.object FROM certvendor.ota_group g WHERE g.factory = o.factory AND g.name = o.group_name)))::text
FROM certvendor.ota_device o
WHERE o.factory = $1 AND o.id = $2
