-- $1 factory, $2 after this fingerprint in hex or NULL, $3 limit, $4 device or NULL. The certificates that are
-- refused, or will be, until they end. Result: key, JSON object.
SELECT encode(c.fingerprint, 'hex'), json_build_object('sha256', encode(c.fingerprint, 'hex'),
	'serial', encode(c.serial, 'hex'), 'device', c.device, 'factory', c.factory, 'slot', c.slot,
	'authority', (SELECT a.name FROM certvendor.authority a WHERE a.id = c.authority),
	'state', certvendor.certificate_state(c.revoked_at, k.state),
	'reason', coalesce(c.revoked_reason, k.ended_reason),
	'from', least(c.revoked_at, coalesce(k.talks_until, k.ended_at)), 'not_after', c.not_after)::text
FROM certvendor.certificate c
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id
WHERE c.factory = $1 AND c.fingerprint > decode(coalesce($2, ''), 'hex') AND c.not_after > now()
	AND (c.revoked_at IS NOT NULL OR k.state IN ('retired', 'discarded', 'compromised'))
	AND ($4::text IS NULL OR c.device = $4)
ORDER BY c.fingerprint LIMIT $3::integer
