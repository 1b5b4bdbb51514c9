-- $1 factory, $2 after this label or NULL, $3 limit. As FoundriesFactory clients name it. Result: key, JSON object.
SELECT s.label, json_build_object('label', s.label, 'type', s.kind, 'push-url', s.url)::text
FROM certvendor.subscription s
WHERE s.factory = $1 AND s.removed_at IS NULL AND s.kind = 'push' AND s.label COLLATE "C" > coalesce($2, '')
ORDER BY s.label COLLATE "C" LIMIT $3::integer
