-- $1 limit. Devices whose turn may have come, of each running group about as many as its rate allows; who tells one
-- decides under the locks. Result: factory, group, device, devices an hour, files, what the audit says of them, rotation
-- id, reason, actor, name of the operator.
SELECT g.factory, g.name, t.device, g.per_hour, g.files::text, g.summary::text, g.rotation_id, g.reason, g.created_by,
	regexp_replace(g.created_by, '^operator:', '')
FROM certvendor.rotation_group g
CROSS JOIN LATERAL (
	SELECT d.device FROM certvendor.rotation_group_device d
	WHERE d.factory = g.factory AND d.group_name = g.name AND d.state = 'waiting' AND d.next_at <= now()
	ORDER BY d.next_at, d.device
	LIMIT least($1::bigint, 1 + floor(extract(epoch FROM now() - g.next_at) * g.per_hour / 3600)::bigint)) t
WHERE g.state = 'running' AND g.next_at <= now()
ORDER BY g.next_at, g.factory, g.name, t.device
LIMIT $1::bigint
