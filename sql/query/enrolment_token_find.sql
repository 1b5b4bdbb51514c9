-- $1 token or NULL, $2 SHA-256 of the secret or NULL, $3 device. Result: id, factory, device or '', uses_max, uses, used
-- by this device, a certificate it gave was seen or ended, seconds left, time of making in microseconds, label or ''. A
-- key that only waits again ended nothing, unless it is the newest: too many of the token came after it. As of now: who
-- waited for a lock may find it revoked meanwhile.
SELECT t.id::text, t.factory, coalesce(t.device, ''), t.uses_max,
	(SELECT count(DISTINCT u.device) FROM certvendor.enrolment_token_use u WHERE u.token = t.id),
	EXISTS (SELECT FROM certvendor.enrolment_token_use u WHERE u.token = t.id AND u.device = $3),
	EXISTS (SELECT FROM (SELECT g.device, g.key_id, g.used_at = max(g.used_at) OVER () AS is_newest
			FROM certvendor.enrolment_token_use g WHERE g.token = t.id AND g.device = $3) u
		JOIN certvendor.slot_key k ON k.factory = t.factory AND k.device = u.device AND k.key_id = u.key_id
		JOIN certvendor.device d ON d.factory = t.factory AND d.id = u.device
		WHERE CASE k.state
			WHEN 'announced' THEN false
			WHEN 'asked' THEN u.is_newest
			WHEN 'current' THEN d.first_seen_at IS NOT NULL
			ELSE true END),
	extract(epoch FROM t.expires_at - clock_timestamp())::bigint, (extract(epoch FROM t.created_at) * 1000000)::bigint,
	coalesce(t.label, '')
FROM certvendor.enrolment_token t
WHERE (t.id = $1::uuid OR t.hash = $2::bytea) AND t.expires_at > clock_timestamp()
