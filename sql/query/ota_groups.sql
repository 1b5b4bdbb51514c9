-- $1 factory, $2 name or NULL. Result: JSON objects with commas between; NULL: none.
SELECT string_agg(g.object::text, ',' ORDER BY g.name COLLATE "C")
FROM certvendor.ota_group g
WHERE g.factory = $1 AND ($2::text IS NULL OR g.name = $2)
