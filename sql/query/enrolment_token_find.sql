-- $1 token or NULL, $2 SHA-256 of the secret or NULL, $3 device. Result: id, factory, device or '', uses_max, uses, used
-- by this device, the certificate it gave was seen or ended, seconds left, time of making in microseconds, label or ''.
SELECT t.id::text, t.factory, coalesce(t.device, ''), t.uses_max,
	(SELECT count(*) FROM certvendor.enrolment_token_use u WHERE u.token = t.id),
	EXISTS (SELECT FROM certvendor.enrolment_token_use u WHERE u.token = t.id AND u.device = $3),
	EXISTS (SELECT FROM certvendor.enrolment_token_use u
		JOIN certvendor.slot_key k ON k.factory = t.factory AND k.device = u.device AND k.key_id = u.key_id
		JOIN certvendor.device d ON d.factory = t.factory AND d.id = u.device
		WHERE u.token = t.id AND u.device = $3
			AND NOT (k.state = 'announced' OR (k.state = 'current' AND d.first_seen_at IS NULL))),
	extract(epoch FROM t.expires_at - now())::bigint, (extract(epoch FROM t.created_at) * 1000000)::bigint,
	coalesce(t.label, '')
FROM certvendor.enrolment_token t
WHERE (t.id = $1::uuid OR t.hash = $2::bytea) AND t.expires_at > now()
