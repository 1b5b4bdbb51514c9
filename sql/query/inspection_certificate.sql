-- $1 factory, $2 fingerprint. Result: one JSON object, no row when it does not exist.
SELECT json_build_object(
		'sha256', encode(c.fingerprint, 'hex'), 'serial', encode(c.serial, 'hex'), 'device', c.device,
		'factory', c.factory, 'slot', c.slot, 'key_id', encode(c.key_id, 'hex'),
		'authority', (SELECT a.name FROM certvendor.authority a WHERE a.id = c.authority),
		'state', CASE WHEN c.revoked_at IS NOT NULL OR k.state = 'compromised' THEN 'revoked'
			WHEN k.state = 'asked' THEN 'issued' WHEN k.state = 'current' THEN 'active' ELSE k.state::text END,
		'reason', coalesce(c.revoked_reason, k.ended_reason), 'not_before', c.not_before,
		'not_after', c.not_after, 'recorded_at', c.recorded_at, 'revoked_at', c.revoked_at)
FROM certvendor.certificate c
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot AND k.key_id = c.key_id
WHERE c.factory = $1 AND c.fingerprint = $2
