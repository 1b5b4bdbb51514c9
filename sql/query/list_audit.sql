-- $1 factories that are seen, comma separated, or NULL: all, $2 before this id or NULL, $3 limit, $4 device,
-- $5 actor, $6 action, $7 since, $8 until, each or NULL. The newest first. Result: key, JSON object.
SELECT a.id::text, json_build_object('id', a.id, 'at', a.at, 'actor', a.actor, 'action', a.action,
	'factory', a.factory, 'device', a.device, 'slot', a.slot, 'reason', a.reason,
	'request_id', a.request_id, 'before', a.before, 'after', a.after)::text
FROM certvendor.audit a
WHERE ($1::text IS NULL OR a.factory = ANY (string_to_array($1, ',')))
	AND a.id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff')::uuid
	AND ($4::text IS NULL OR a.device = $4) AND ($5::text IS NULL OR a.actor = $5)
	AND ($6::text IS NULL OR a.action = $6)
	AND ($7::text IS NULL OR a.at >= $7::timestamptz) AND ($8::text IS NULL OR a.at < $8::timestamptz)
ORDER BY a.id DESC LIMIT $3::integer
