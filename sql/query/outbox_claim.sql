-- $1 how many of one subscription at most, $2 seconds after which others may take them over; as arrays: $3 subscriptions
-- that are busy, $4 with how many; $5 how many in all. Of each device the oldest pending event only, so that they arrive
-- in order. Whose turn it is among more subscriptions than can be served is chance: none waits for ever.
WITH due AS MATERIALIZED (
	SELECT x.factory, x.device, x.number, x.subscription
	FROM (
		SELECT t.id, $1::bigint - coalesce(b.count, 0) AS room
		FROM certvendor.subscription t
		LEFT JOIN unnest($3::text[], $4::bigint[]) AS b(id, count) ON b.id = t.id::text
		WHERE t.removed_at IS NULL
		ORDER BY random()) s
	CROSS JOIN LATERAL (
		SELECT d.factory, d.device, d.number, d.subscription
		FROM certvendor.delivery d
		WHERE d.subscription = s.id AND d.state = 'pending' AND d.next_at <= now()
			AND NOT EXISTS (SELECT FROM certvendor.delivery e WHERE e.subscription = s.id
				AND e.factory = d.factory AND e.device = d.device AND e.state = 'pending'
				AND e.number < d.number)
		ORDER BY d.next_at
		LIMIT greatest(0, s.room)
		FOR UPDATE SKIP LOCKED) x
	LIMIT $5::bigint
), claimed AS (
	UPDATE certvendor.delivery d SET attempts = d.attempts + 1,
		next_at = now() + make_interval(secs => $2::double precision)
	FROM due
	WHERE d.factory = due.factory AND d.device = due.device AND d.number = due.number
		AND d.subscription = due.subscription
	RETURNING d.factory, d.device, d.number, d.subscription, d.attempts
)
SELECT c.subscription::text, s.label, s.kind = 'push' AS is_push, s.url, s.secret, c.attempts, o.id::text, c.number,
	c.factory, c.device, o.kind, (extract(epoch FROM o.at) * 1000)::bigint AS at_ms, o.payload ->> 'slot' AS slot,
	o.payload ->> 'group' AS group_name, o.payload ->> 'group_number' AS group_number,
	decode(o.payload ->> 'new_key', 'hex') AS new_key, decode(o.payload ->> 'old_key', 'hex') AS old_key,
	o.payload ->> 'reason' AS reason, o.payload ->> 'certificate' AS certificate
FROM claimed c
JOIN certvendor.outbox o ON o.factory = c.factory AND o.device = c.device AND o.number = c.number
JOIN certvendor.subscription s ON s.id = c.subscription
ORDER BY c.number
