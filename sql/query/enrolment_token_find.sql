-- $1 SHA-256 of the secret, $2 device. Result as enrolment_token_read.
SELECT t.id::text, t.factory, coalesce(t.device, ''), t.uses_max,
	(SELECT count(*) FROM certvendor.enrolment_token_use u WHERE u.token = t.id),
	EXISTS (SELECT FROM certvendor.enrolment_token_use u WHERE u.token = t.id AND u.device = $2),
	EXISTS (SELECT FROM certvendor.enrolment_token_use u
		JOIN certvendor.slot_key k ON k.factory = t.factory AND k.device = u.device AND k.key_id = u.key_id
		JOIN certvendor.device d ON d.factory = t.factory AND d.id = u.device
		WHERE u.token = t.id AND u.device = $2
			AND NOT (k.state = 'announced' OR (k.state = 'current' AND d.first_seen_at IS NULL))),
	extract(epoch FROM t.expires_at - now())::bigint, (extract(epoch FROM t.created_at) * 1000000)::bigint
FROM certvendor.enrolment_token t
WHERE t.hash = $1 AND t.expires_at > now()
