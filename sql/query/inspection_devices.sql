-- $1 factory, $2 after this id, $3 limit. Result: {"items":[...],"next":...}.
WITH page AS (
	SELECT d.* FROM certvendor.device d
	WHERE d.factory = $1 AND d.id COLLATE "C" > $2
	ORDER BY d.id COLLATE "C" LIMIT $3::integer + 1
), shown AS (
	SELECT * FROM page ORDER BY id COLLATE "C" LIMIT $3::integer
)
SELECT json_build_object(
	'items', coalesce((SELECT json_agg(json_build_object(
		'id', v.id, 'factory', v.factory, 'state', v.state, 'owner', v.owner, 'created_at', v.created_at,
		'first_seen_at', v.first_seen_at, 'last_seen_at', s.last_seen_at,
		'rotation', CASE WHEN s.locked_since IS NULL THEN 'none'
			WHEN s.locked_since < now() - interval '7 days' THEN 'stalled' ELSE 'pending' END)
		ORDER BY v.id COLLATE "C")
		FROM shown v LEFT JOIN certvendor.slot s
			ON s.factory = v.factory AND s.device = v.id AND s.name = 'client'), '[]'::json),
	'next', CASE WHEN (SELECT count(*) FROM page) > $3::integer
		THEN (SELECT max(id COLLATE "C") FROM shown) END)
