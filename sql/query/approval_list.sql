-- $1 factory, $2 after this id, $3 limit. Result: {"items":[...],"next":...}. Ids rise with time.
WITH page AS (
	SELECT a.* FROM certvendor.approval a
	WHERE a.factory = $1 AND a.expires_at > now() AND a.id::text > $2
	ORDER BY a.id::text LIMIT $3::integer + 1
), shown AS (
	SELECT * FROM page ORDER BY id::text LIMIT $3::integer
)
SELECT json_build_object(
	'items', coalesce((SELECT json_agg(json_build_object(
		'id', s.id, 'label', s.label, 'identity', s.identity, 'device', s.device,
		'csr_sha256', encode(s.csr_digest, 'hex'), 'csr', translate(encode(s.csr, 'base64'), E'\n', ''),
		'state', s.state, 'asked_at', s.asked_at, 'decided_at', s.decided_at, 'decided_by', s.decided_by,
		'expires_at', s.expires_at) ORDER BY s.id::text) FROM shown s), '[]'::json),
	'next', CASE WHEN (SELECT count(*) FROM page) > $3::integer THEN (SELECT max(id::text) FROM shown) END)
