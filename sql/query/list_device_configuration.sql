-- $1 factory, $2 device. The newest first. Result: JSON object.
SELECT json_build_object('created-at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	'applied-at', to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	'created-by', created_by, 'reason', reason, 'files', files)
FROM certvendor.device_configuration WHERE factory = $1 AND device = $2 ORDER BY version DESC
