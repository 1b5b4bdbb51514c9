-- $1 factory, $2 after this name or NULL, $3 limit, $4 only this name or NULL, $5 state or NULL. How far it is says only
-- who asks for one. Result: key, JSON object, entity tag, which does not change with that.
SELECT o.name, CASE WHEN $4::text IS NULL THEN o.object ELSE o.object || (SELECT jsonb_build_object('progress',
		jsonb_build_object('waiting', count(*) FILTER (WHERE d.state = 'waiting'),
			'put_off', count(*) FILTER (WHERE d.state = 'waiting' AND d.note IS NOT NULL),
			'told', count(*) FILTER (WHERE d.state = 'told'),
			'rotated', count(*) FILTER (WHERE d.state = 'rotated'),
			'skipped', count(*) FILTER (WHERE d.state = 'skipped')))
	FROM certvendor.rotation_group_device d WHERE d.factory = $1 AND d.group_name = o.name) END::text,
	certvendor.entity_tag(o.object::json)
FROM (SELECT g.name, jsonb_build_object('name', g.name, 'factory', g.factory, 'state', g.state, 'est_url', g.est_url,
		'per_hour', g.per_hour, 'rotation_id', g.rotation_id, 'devices', g.devices, 'reason', nullif(g.reason, ''),
		'created_at', g.created_at, 'created_by', g.created_by, 'finished_at', g.finished_at) AS object
	FROM certvendor.rotation_group g
	WHERE g.factory = $1 AND ($4::text IS NULL OR g.name = $4) AND ($5::text IS NULL OR g.state = $5)
		AND g.name COLLATE "C" > coalesce($2, '')) o
ORDER BY o.name COLLATE "C" LIMIT $3::integer
