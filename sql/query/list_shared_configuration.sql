-- $1 factory, $2 group or '' for the layer of the factory. The newest first. Result: JSON object.
SELECT json_build_object('created-at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	'applied-at', NULL, 'created-by', created_by, 'reason', reason, 'files', files)
FROM certvendor.shared_configuration WHERE factory = $1 AND group_name = $2 ORDER BY version DESC
