-- $1 factory, $2 device, $3 limit, $4 how many come before. What the device did, told by its events: the newest first.
-- Result: how many there are, and the JSON objects of this page, with commas between.
WITH updates AS MATERIALIZED (
	SELECT DISTINCT ON (correlation_id) correlation_id, target_name, target_version, device_time, received_at, place
	FROM certvendor.device_event WHERE factory = $1 AND device = $2
	ORDER BY correlation_id, received_at, place
), page AS (
	SELECT u.*, row_number() OVER (ORDER BY u.received_at DESC, u.place DESC, u.correlation_id COLLATE "C") AS n
	FROM updates u
	ORDER BY n LIMIT $3::bigint OFFSET $4::bigint
)
SELECT (SELECT count(*) FROM updates), coalesce((SELECT string_agg(json_build_object('correlation-id', p.correlation_id,
	'target', p.target_name, 'version', p.target_version,
	'time', to_char(p.device_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))::text, ',' ORDER BY p.n)
	FROM page p), '')
