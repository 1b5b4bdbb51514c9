-- $1 factory, $2 device or '', $3 after this fingerprint in hex or '', $4 limit. Result: {"items":[...],"next":...}.
WITH page AS (
	SELECT c.* FROM certvendor.certificate c
	WHERE c.factory = $1 AND ($2 = '' OR c.device = $2) AND c.fingerprint > decode($3, 'hex')
	ORDER BY c.fingerprint LIMIT $4::integer + 1
), shown AS (
	SELECT * FROM page ORDER BY fingerprint LIMIT $4::integer
)
SELECT json_build_object(
	'items', coalesce((SELECT json_agg(json_build_object(
		'sha256', encode(c.fingerprint, 'hex'), 'serial', encode(c.serial, 'hex'), 'device', c.device,
		'factory', c.factory, 'slot', c.slot, 'key_id', encode(c.key_id, 'hex'),
		'authority', (SELECT a.name FROM certvendor.authority a WHERE a.id = c.authority),
		'state', CASE WHEN c.revoked_at IS NOT NULL OR k.state = 'compromised' THEN 'revoked'
			WHEN k.state = 'asked' THEN 'issued' WHEN k.state = 'current' THEN 'active' ELSE k.state::text END,
		'reason', coalesce(c.revoked_reason, k.ended_reason), 'not_before', c.not_before,
		'not_after', c.not_after, 'recorded_at', c.recorded_at, 'revoked_at', c.revoked_at) ORDER BY c.fingerprint)
		FROM shown c JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot AND k.key_id = c.key_id), '[]'::json),
	'next', CASE WHEN (SELECT count(*) FROM page) > $4::integer
		THEN (SELECT encode(fingerprint, 'hex') FROM shown ORDER BY fingerprint DESC LIMIT 1) END)
