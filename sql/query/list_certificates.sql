-- $1 factory, $2 after this fingerprint in hex or NULL, $3 limit, $4 device, $5 state, $6 authority,
-- $7 end before, each or NULL. Result: key, JSON object.
SELECT encode(c.fingerprint, 'hex'), json_build_object('sha256', encode(c.fingerprint, 'hex'), 'serial', encode(c.serial, 'hex'),
	'device', c.device, 'factory', c.factory, 'slot', c.slot, 'key_id', encode(c.key_id, 'hex'),
	'authority', (SELECT a.name FROM certvendor.authority a WHERE a.id = c.authority),
	'state', certvendor.certificate_state(c.revoked_at, k.state),
	'reason', coalesce(c.revoked_reason, k.ended_reason), 'not_before', c.not_before,
	'not_after', c.not_after, 'recorded_at', c.recorded_at, 'revoked_at', c.revoked_at)::text
FROM certvendor.certificate c
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id
WHERE c.factory = $1 AND c.fingerprint > decode(coalesce($2, ''), 'hex')
	AND ($4::text IS NULL OR c.device = $4)
	AND ($5::text IS NULL OR certvendor.certificate_state(c.revoked_at, k.state) = $5)
	AND ($6::text IS NULL OR c.authority = (SELECT a.id FROM certvendor.authority a
		WHERE a.factory = $1 AND a.name = $6))
	AND ($7::text IS NULL OR c.not_after < $7::timestamptz)
ORDER BY c.fingerprint LIMIT $3::integer
