-- $1 factory, $2 device, $3 number, $4 subscription, $5 attempt that it was, $6 state, $7 milliseconds until the next
-- attempt, $8 error or NULL. Nothing when another instance has taken it over meanwhile. What waits behind it is not
-- looked at before it is tried again: else each claim would step over all of that.
WITH settled AS (
	UPDATE certvendor.delivery SET state = $6, last_error = $8,
		next_at = now() + make_interval(secs => $7::double precision / 1000),
		finished_at = CASE WHEN $6 = 'pending' THEN NULL ELSE now() END
	WHERE factory = $1 AND device = $2 AND number = $3::bigint AND subscription = $4::uuid
		AND attempts = $5::integer AND state = 'pending'
	RETURNING state, next_at
)
UPDATE certvendor.delivery d SET next_at = s.next_at
FROM settled s
WHERE s.state = 'pending' AND d.subscription = $4::uuid AND d.factory = $1 AND d.device = $2 AND d.state = 'pending'
	AND d.number > $3::bigint AND d.next_at < s.next_at
