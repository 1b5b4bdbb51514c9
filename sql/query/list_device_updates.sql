-- $1 factory, $2 device, $3 limit, $4 offset. What the device did, told by its events: the newest first. Result: JSON
-- object, how many there are.
SELECT json_build_object('correlation-id', u.correlation_id, 'target', u.target_name, 'version', u.target_version,
	'time', to_char(u.device_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), count(*) OVER ()
FROM (SELECT DISTINCT ON (correlation_id) correlation_id, target_name, target_version, device_time, received_at, place
	FROM certvendor.device_event WHERE factory = $1 AND device = $2
	ORDER BY correlation_id, received_at, place) u
ORDER BY u.received_at DESC, u.place DESC LIMIT $3::integer OFFSET $4::integer
