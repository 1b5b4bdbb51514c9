-- $1 id, $2 factory, $3 label, $4 identity, $5 device, $6 digest of the request, $7 the request, $8 days it is
-- kept, $9 most that wait in the factory, $10 of this device, $11 by this identity, whatever is asked with it, $12 is an
-- approval that was used over? Result: pending, approved or refused, and the id; none: too many. One that was forgotten,
-- or is over, begins anew.
WITH forgotten AS (
	DELETE FROM certvendor.approval WHERE factory = $2 AND expires_at < now() AND csr_digest <> $6
), waiting AS (
	SELECT count(*) AS all, count(*) FILTER (WHERE identity = $4 AND device = $5) AS own,
		count(*) FILTER (WHERE split_part(identity, ' ', 1) = split_part($4, ' ', 1)) AS by_identity
	FROM certvendor.approval
	WHERE factory = $2 AND state = 'pending' AND expires_at > now() AND csr_digest <> $6
)
INSERT INTO certvendor.approval AS a (id, factory, label, identity, device, csr_digest, csr, expires_at)
SELECT $1::uuid, $2, $3, $4, $5, $6::bytea, $7::bytea, now() + $8::integer * interval '1 day'
FROM waiting w
WHERE (w.all < $9::bigint AND w.own < $10::bigint AND w.by_identity < $11::bigint) OR EXISTS (SELECT FROM certvendor.approval b
	WHERE b.factory = $2 AND b.label = $3 AND b.identity = $4 AND b.csr_digest = $6)
ON CONFLICT (factory, label, identity, csr_digest) DO UPDATE SET
	(id, state, asked_at, decided_at, decided_by, used_at, expires_at) = (
		SELECT n.id, n.state, n.asked_at, n.decided_at, n.decided_by, n.used_at, n.expires_at
		FROM (VALUES (false, a.id, a.state, a.asked_at, a.decided_at, a.decided_by, a.used_at, a.expires_at),
			(true, excluded.id, excluded.state, excluded.asked_at, NULL, NULL, NULL, excluded.expires_at))
			AS n(is_new, id, state, asked_at, decided_at, decided_by, used_at, expires_at)
		WHERE n.is_new = (a.expires_at <= now() OR ($12::boolean AND a.used_at IS NOT NULL)))
RETURNING state, id::text
