-- $1 factory, $2 after this id or NULL, $3 limit, $4 only this id or NULL, $5 device or NULL. Result: key, JSON object, entity tag.
SELECT o.id::text, o.object::text, certvendor.entity_tag(o.object)
FROM (SELECT t.id, json_build_object('id', t.id, 'factory', t.factory, 'device', t.device, 'label', t.label,
		'uses', t.uses_max,
		'used', (SELECT count(DISTINCT u.device) FROM certvendor.enrolment_token_use u WHERE u.token = t.id),
		'created_by', t.created_by, 'created_at', t.created_at, 'expires_at', t.expires_at,
		'revoked_at', t.revoked_at) AS object
	FROM certvendor.enrolment_token t
	WHERE t.factory = $1 AND t.id > coalesce($2, '00000000-0000-0000-0000-000000000000')::uuid
		AND t.id BETWEEN coalesce($4, '00000000-0000-0000-0000-000000000000')::uuid
			AND coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff')::uuid
		AND ($5::text IS NULL OR t.device = $5)) o
ORDER BY o.id LIMIT $3::integer
