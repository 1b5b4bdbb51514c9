-- $1 factory, $2 device, $3 correlation id. The oldest first. Result: JSON object.
SELECT json_build_object('deviceTime', to_char(device_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	'eventType', json_build_object('id', event_type),
	'event', json_strip_nulls(json_build_object('correlationId', correlation_id, 'targetName', target_name,
		'version', target_version, 'success', success, 'details', details, 'ecu', ecu)))
FROM certvendor.device_event WHERE factory = $1 AND device = $2 AND correlation_id = $3
ORDER BY received_at, place
