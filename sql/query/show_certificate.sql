-- $1 factory, $2 NULL, $3 limit, $4 fingerprint in hex. Result: key, JSON object.
SELECT $4, json_build_object('sha256', encode(c.fingerprint, 'hex'), 'serial', encode(c.serial, 'hex'),
	'device', c.device, 'factory', c.factory, 'slot', c.slot, 'key_id', encode(c.key_id, 'hex'),
	'authority', (SELECT a.name FROM certvendor.authority a WHERE a.id = c.authority),
	'state', certvendor.certificate_state(c.revoked_at, k.state),
	'reason', coalesce(c.revoked_reason, k.ended_reason), 'not_before', c.not_before,
	'not_after', c.not_after, 'recorded_at', c.recorded_at, 'revoked_at', c.revoked_at)::text
FROM certvendor.certificate c
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id
WHERE c.factory = $1 AND c.fingerprint = decode($4, 'hex') AND $2::text IS NULL LIMIT $3::integer
