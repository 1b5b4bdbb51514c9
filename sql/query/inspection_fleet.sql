-- $1 factory. Result: {"devices":{state: how many},"rotations":{...},"stalled":[...]}. Of what is
-- stalled the ten that wait longest.
SELECT json_build_object(
	'devices', (SELECT json_object_agg(s.state, (SELECT count(*) FROM certvendor.device d
			WHERE d.factory = $1 AND d.state = s.state) ORDER BY s.state)
		FROM unnest(enum_range(NULL::certvendor.device_state)) AS s(state)),
	'rotations', (SELECT json_build_object(
			'pending', count(*) FILTER (WHERE certvendor.rotation_state(locked_since) = 'pending'),
			'stalled', count(*) FILTER (WHERE certvendor.rotation_state(locked_since) = 'stalled'))
		FROM certvendor.slot WHERE factory = $1 AND locked_since IS NOT NULL),
	'stalled', (SELECT coalesce(json_agg(w), '[]'::json) FROM (
		SELECT device, name AS slot, locked_since AS since, last_seen_at FROM certvendor.slot
		WHERE factory = $1 AND certvendor.rotation_state(locked_since) = 'stalled'
		ORDER BY locked_since, device LIMIT 10) w))
