-- $1 factories that are seen, comma separated, or NULL: all, $2 after this name or NULL, $3 limit,
-- $4 only this name or NULL. A gateway of other factories too is not shown. Result: key, JSON object, entity tag.
SELECT o.name, o.object::text, certvendor.entity_tag(o.object)
FROM (SELECT g.name, json_build_object('name', g.name, 'factories', g.factories, 'sources', g.sources,
		'may_activate', g.may_activate, 'sha256', encode(g.fingerprint, 'hex'),
		'created_at', g.created_at) AS object
	FROM certvendor.gateway g
	WHERE g.removed_at IS NULL AND ($1::text IS NULL OR g.factories <@ string_to_array($1, ','))
		AND ($4::text IS NULL OR g.name = $4) AND g.name COLLATE "C" > coalesce($2, '')) o
ORDER BY o.name COLLATE "C" LIMIT $3::integer
