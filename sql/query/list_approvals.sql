-- $1 factory, $2 after this id or NULL, $3 limit, $4 state or NULL. Ids rise with time. Result: key, JSON object.
SELECT o.id::text, o.object::text
FROM (SELECT a.id, json_build_object('id', a.id, 'label', a.label, 'identity', a.identity, 'device', a.device,
		'csr_sha256', encode(a.csr_digest, 'hex'), 'csr', translate(encode(a.csr, 'base64'), E'\n', ''),
		'state', a.state, 'asked_at', a.asked_at, 'decided_at', a.decided_at, 'decided_by', a.decided_by,
		'used_at', a.used_at, 'expires_at', a.expires_at) AS object
	FROM certvendor.approval a
	WHERE a.factory = $1 AND a.expires_at > now()
		AND a.id > coalesce($2, '00000000-0000-0000-0000-000000000000')::uuid
		AND ($4::text IS NULL OR a.state = $4)) o
ORDER BY o.id LIMIT $3::integer
