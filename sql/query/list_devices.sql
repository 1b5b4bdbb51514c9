-- $1 factory, $2 after this id or NULL, $3 limit, $4 state, $5 group, $6 rotation, each or NULL.
-- Result: key, JSON object.
SELECT d.id, json_build_object('id', d.id, 'name', certvendor.device_called(n.name, n.is_released, d.id), 'factory', d.factory, 'state', d.state, 'owner', d.owner,
	'group', d.group_name, 'hardware_id', d.hardware_id, 'production', d.is_production, 'created_at', d.created_at, 'first_seen_at', d.first_seen_at,
	'last_seen_at', s.last_seen_at, 'rotation', certvendor.rotation_state(s.locked_since))::text
FROM certvendor.device d
LEFT JOIN certvendor.device_name n ON n.factory = d.factory AND n.device = d.id
LEFT JOIN certvendor.slot s ON s.factory = d.factory AND s.device = d.id AND s.name = 'client'
WHERE d.factory = $1 AND d.id COLLATE "C" > coalesce($2, '')
	AND ($4::text IS NULL OR d.state = $4::certvendor.device_state) AND ($5::text IS NULL OR d.group_name = $5)
	AND ($6::text IS NULL OR certvendor.rotation_state(s.locked_since) = $6)
ORDER BY d.id COLLATE "C" LIMIT $3::integer
