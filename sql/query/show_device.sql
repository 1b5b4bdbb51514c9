-- $1 factory, $2 NULL, $3 limit, $4 device. Result: key, JSON object.
SELECT d.id, json_build_object(
	'id', d.id, 'name', certvendor.device_called(n.name, n.is_released, d.id), 'factory', d.factory, 'state', d.state, 'state_reason', d.state_reason, 'owner', d.owner,
	'group', d.group_name, 'hardware_id', d.hardware_id, 'production', d.is_production,
	 'origin', (SELECT a.name FROM certvendor.authority a WHERE a.id = d.origin),
	'created_at', d.created_at, 'first_seen_at', d.first_seen_at,
	'slots', coalesce((SELECT json_agg(json_build_object(
		'name', s.name, 'version', s.version, 'last_seen_at', s.last_seen_at, 'activated_at', s.activated_at,
		'locked_since', s.locked_since, 'rotation', certvendor.rotation_state(s.locked_since),
		'keys', coalesce((SELECT json_agg(json_build_object(
			'key_id', encode(k.key_id, 'hex'), 'state', k.state, 'announced_at', k.announced_at,
			'ended_at', k.ended_at, 'reason', k.ended_reason, 'talks_until', k.talks_until,
			'certificates', (SELECT count(*) FROM certvendor.certificate c
				WHERE c.factory = k.factory AND c.device = k.device AND c.slot = k.slot AND c.key_id = k.key_id))
			ORDER BY k.created_at DESC)
			FROM (SELECT * FROM certvendor.slot_key x
				WHERE x.factory = s.factory AND x.device = s.device AND x.slot = s.name
				ORDER BY x.created_at DESC LIMIT 50) k), '[]'::json))
		ORDER BY s.name)
		FROM certvendor.slot s WHERE s.factory = d.factory AND s.device = d.id), '[]'::json))::text
FROM certvendor.device d
LEFT JOIN certvendor.device_name n ON n.factory = d.factory AND n.device = d.id
WHERE d.factory = $1 AND d.id = $4 AND $2::text IS NULL LIMIT $3::integer
