-- $1 factories that are seen, comma separated, or NULL: all, $2 after this name or NULL, $3 limit,
-- $4 only this name or NULL. Result: key, JSON object, entity tag.
SELECT o.name, o.object::text, certvendor.entity_tag(o.object)
FROM (SELECT f.name, json_build_object('name', f.name, 'is_default', f.is_default, 'announce', f.announce,
		'first_contact', f.first_contact, 'retire_after_days', f.retire_after_days,
		'lifetime_days', f.lifetime_days, 'created_at', f.created_at) AS object
	FROM certvendor.factory f
	WHERE ($1::text IS NULL OR f.name = ANY (string_to_array($1, ','))) AND ($4::text IS NULL OR f.name = $4)
		AND f.name COLLATE "C" > coalesce($2, '')) o
ORDER BY o.name COLLATE "C" LIMIT $3::integer
