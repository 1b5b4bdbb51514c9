-- $1 SHA-256 of the secret, $2 device. Result as enrolment_token_read.
SELECT t.id::text, t.factory, coalesce(t.device, ''), t.uses_max,
	(SELECT count(*) FROM certvendor.enrolment_token_use u WHERE u.token = t.id),
	EXISTS (SELECT FROM certvendor.enrolment_token_use u WHERE u.token = t.id AND u.device = $2),
	extract(epoch FROM t.expires_at - now())::bigint, (extract(epoch FROM t.created_at) * 1000000)::bigint
FROM certvendor.enrolment_token t
WHERE t.hash = $1 AND t.expires_at > now()
