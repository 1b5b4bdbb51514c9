-- $1 factories that are seen, comma separated, or NULL: all, $2 after this id or NULL, $3 limit,
-- $4 only this id or NULL. A token of other factories too is not shown, nor one that was made of another and has ended.
-- Result: key, JSON object, entity tag.
SELECT o.id::text, o.object::text, certvendor.entity_tag(o.object)
FROM (SELECT t.id, json_build_object('id', t.id, 'name', t.name, 'role', t.role, 'factories', t.factories,
		'scopes', t.scopes, 'created_at', t.created_at, 'expires_at', t.expires_at, 'revoked_at', t.revoked_at) AS object
	FROM certvendor.operator_token t
	WHERE (t.parent IS NULL OR t.expires_at > now()) AND ($1::text IS NULL OR t.factories <@ string_to_array($1, ','))
		AND t.id > coalesce($2, '00000000-0000-0000-0000-000000000000')::uuid
		AND t.id BETWEEN coalesce($4, '00000000-0000-0000-0000-000000000000')::uuid
			AND coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff')::uuid) o
ORDER BY o.id LIMIT $3::integer
