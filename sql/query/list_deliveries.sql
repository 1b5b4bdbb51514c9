-- $1 factory, $2 after this number or NULL, $3 limit, $4 label of the subscription, $5 only this state or NULL. Result:
-- key, JSON object.
SELECT d.number::text, json_build_object('message', d.number::text, 'id', o.id, 'event', o.kind, 'device', d.device,
	'at', o.at, 'state', d.state, 'attempts', d.attempts,
	'next_at', CASE WHEN d.state = 'pending' THEN d.next_at END, 'last_error', d.last_error,
	'finished_at', d.finished_at)::text
FROM certvendor.subscription s
JOIN certvendor.delivery d ON d.subscription = s.id
JOIN certvendor.outbox o ON o.factory = d.factory AND o.device = d.device AND o.number = d.number
WHERE s.factory = $1 AND s.label = $4 AND s.removed_at IS NULL AND ($5::text IS NULL OR d.state = $5)
	AND d.number > coalesce($2::bigint, 0)
ORDER BY d.number LIMIT $3::integer
