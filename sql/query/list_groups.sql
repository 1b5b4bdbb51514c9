-- $1 factory, $2 after this name or NULL, $3 limit, $4 only this name or NULL. Result: key, JSON object, entity tag.
SELECT o.name, o.object::text, certvendor.entity_tag(o.object)
FROM (SELECT g.name, json_build_object('name', g.name, 'factory', g.factory, 'announce', g.announce,
		'policies', g.policies, 'description', g.description, 'created_at', g.created_at) AS object
	FROM certvendor.device_group g
	WHERE g.factory = $1 AND ($4::text IS NULL OR g.name = $4) AND g.name COLLATE "C" > coalesce($2, '')) o
ORDER BY o.name COLLATE "C" LIMIT $3::integer
