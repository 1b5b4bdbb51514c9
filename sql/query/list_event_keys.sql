-- $1 unused, $2 after this kid or NULL, $3 limit, $4 only this kid or NULL. Result: key, JSON object, entity tag.
SELECT o.kid, o.object::text, certvendor.entity_tag(o.object)
FROM (SELECT k.kid, json_build_object('kid', k.kid, 'created_at', k.created_at, 'retired_at', k.retired_at) AS object
	FROM certvendor.event_key k
	WHERE $1::text IS NOT DISTINCT FROM $1 AND ($4::text IS NULL OR k.kid = $4)
		AND k.kid COLLATE "C" > coalesce($2, '')) o
ORDER BY o.kid COLLATE "C" LIMIT $3::integer
