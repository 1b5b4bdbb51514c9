-- $1 factory, $2 after this label or NULL, $3 limit, $4 only this label or NULL, $5 only this type or NULL. The secret is
-- shown to nobody. Result: key, JSON object, entity tag.
SELECT o.label, o.object::text, certvendor.entity_tag(o.object)
FROM (SELECT s.label, json_build_object('name', s.label, 'factory', s.factory, 'type', s.kind, 'url', s.url,
		'events', s.events, 'created_at', s.created_at, 'created_by', s.created_by,
		'pending', (SELECT count(*) FROM certvendor.delivery d WHERE d.subscription = s.id AND d.state = 'pending'),
		'dead', (SELECT count(*) FROM certvendor.delivery d WHERE d.subscription = s.id AND d.state = 'dead')) AS object
	FROM certvendor.subscription s
	WHERE s.factory = $1 AND s.removed_at IS NULL AND ($4::text IS NULL OR s.label = $4)
		AND ($5::text IS NULL OR s.kind = $5) AND s.label COLLATE "C" > coalesce($2, '')) o
ORDER BY o.label COLLATE "C" LIMIT $3::integer
