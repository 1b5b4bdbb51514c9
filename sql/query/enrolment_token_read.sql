-- $1 token, $2 device. Result: id, factory, device or '', uses_max, uses, used by this device, seconds left,
-- time of making in microseconds.
SELECT t.id::text, t.factory, coalesce(t.device, ''), t.uses_max,
	(SELECT count(*) FROM certvendor.enrolment_token_use u WHERE u.token = t.id),
	EXISTS (SELECT FROM certvendor.enrolment_token_use u WHERE u.token = t.id AND u.device = $2),
	extract(epoch FROM t.expires_at - now())::bigint, (extract(epoch FROM t.created_at) * 1000000)::bigint
FROM certvendor.enrolment_token t
WHERE t.id = $1::uuid AND t.expires_at > now()
