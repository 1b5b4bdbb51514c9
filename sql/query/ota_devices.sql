-- $1 factory, $2 the denied ones?, $3 limit, $4 how many come before, and filters or NULL: $5 name, $6 pattern of names,
-- $7 id, $8 group, $9 in production, $10 owner, $11 tag, $12 target; $13 what they are sorted by, $14 downwards?
-- Result: how many there are, and the JSON objects of this page, with commas between.
WITH matching AS MATERIALIZED (
	SELECT o.id, CASE $13 WHEN 'uuid' THEN o.id WHEN 'owner' THEN o.owner
		WHEN 'last-seen' THEN certvendor.ota_time(o.last_seen_at)
		WHEN 'created-at' THEN certvendor.ota_time(o.created_at)
		WHEN 'device-group' THEN coalesce(o.group_name, '') ELSE o.name END AS sort_key
	FROM certvendor.ota_device o
	WHERE o.factory = $1 AND (o.state IN ('deleted', 'revoked')) = $2::boolean
		AND ($5::text IS NULL OR o.name = $5) AND ($6::text IS NULL OR o.name ILIKE $6)
		AND ($7::text IS NULL OR o.id = $7) AND ($8::text IS NULL OR o.group_name = $8)
		AND ($9::boolean IS NULL OR o.is_production = $9::boolean) AND ($10::text IS NULL OR o.owner = $10)
		AND ($11::text IS NULL OR $11 = ANY (string_to_array(o.tag, ','))) AND ($12::text IS NULL OR o.target = $12)
), page AS MATERIALIZED (
	SELECT m.id, row_number() OVER (ORDER BY CASE WHEN $14::boolean THEN '' ELSE m.sort_key END COLLATE "C",
		CASE WHEN $14::boolean THEN m.sort_key ELSE '' END COLLATE "C" DESC, m.id COLLATE "C") AS n
	FROM matching m
	ORDER BY n LIMIT $3::bigint OFFSET $4::bigint
)
SELECT (SELECT count(*) FROM matching), coalesce((SELECT string_agg(certvendor.ota_device_object(o)::text, ',' ORDER BY p.n)
	FROM page p JOIN certvendor.ota_device o ON o.factory = $1 AND o.id = p.id), '')
