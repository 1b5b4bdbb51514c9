-- $1 factory, $2 after this id or NULL, $3 limit, $4 state or NULL. Those that can still be used. Result: key, JSON
-- object.
SELECT g.id::text, json_build_object('user_code', g.user_code, 'device', g.device, 'factory', g.factory,
	'state', g.state, 'asked_at', g.asked_at, 'expires_at', g.expires_at, 'decided_at', g.decided_at,
	'decided_by', g.decided_by)::text
FROM certvendor.device_grant g
WHERE g.factory = $1 AND g.id > coalesce($2, '00000000-0000-0000-0000-000000000000')::uuid AND g.expires_at > now()
	AND ($4::text IS NULL OR g.state = $4)
ORDER BY g.id LIMIT $3::integer
