-- $1 factory, $2 device, $3 slot. Result: SHA-256 of the certificate of its current key that lasts longest, of those that
-- are of use if there are such.
SELECT c.fingerprint
FROM certvendor.slot_key k
JOIN certvendor.certificate c ON c.factory = k.factory AND c.device = k.device AND c.slot = k.slot
	AND c.key_id = k.key_id
JOIN certvendor.authority a ON a.id = c.authority
WHERE k.factory = $1 AND k.device = $2 AND k.slot = $3 AND k.state = 'current'
ORDER BY c.revoked_at IS NOT NULL, a.state = 'revoked', c.not_after DESC
LIMIT 1
