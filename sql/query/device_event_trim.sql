-- $1 factory, $2 device. The newest 1000 stay.
DELETE FROM certvendor.device_event d
WHERE d.factory = $1 AND d.device = $2 AND (d.received_at, d.place) < (
	SELECT n.received_at, n.place FROM certvendor.device_event n WHERE n.factory = $1 AND n.device = $2
	ORDER BY n.received_at DESC, n.place DESC OFFSET 999 LIMIT 1)
