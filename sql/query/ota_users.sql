-- $1 factory, $2 name or NULL. Whoever can log in to the factory. Result: JSON objects with commas
-- between; NULL: none.
SELECT string_agg(jsonb_build_object('polis-id', u.name, 'name', u.name, 'role', u.role)::text, ',' ORDER BY u.name)
FROM (SELECT DISTINCT ON (t.name COLLATE "C") t.name COLLATE "C" AS name, t.role
	FROM certvendor.operator_credential t
	WHERE (t.factories IS NULL OR $1 = ANY (t.factories)) AND ($2::text IS NULL OR t.name = $2) AND t.parent IS NULL
		AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
	ORDER BY t.name COLLATE "C", array_position(ARRAY['admin', 'operator', 'viewer'], t.role)) u
