-- $1 factory, $2 after this name or NULL, $3 limit, $4 only this name or NULL, $5 kind or NULL. Result: key, JSON object, entity tag.
SELECT o.name, o.object::text, certvendor.entity_tag(o.object)
FROM (SELECT a.name, json_build_object('name', a.name, 'factory', a.factory, 'kind', a.kind, 'state', a.state,
		'owner', a.owner, 'sha256', encode(a.fingerprint, 'hex'), 'created_at', a.created_at,
		'signs_until', a.signs_until) AS object
	FROM certvendor.authority a
	WHERE a.factory = $1 AND ($4::text IS NULL OR a.name = $4) AND a.name COLLATE "C" > coalesce($2, '')
		AND ($5::text IS NULL OR a.kind = $5::certvendor.authority_kind)) o
ORDER BY o.name COLLATE "C" LIMIT $3::integer
