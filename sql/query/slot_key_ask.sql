-- $1 factory, $2 device, $3 slot, $4 key, $5 SPKI. The current key asked for a certificate of this key; a key
-- that is known keeps its state.
INSERT INTO certvendor.slot_key (factory, device, slot, key_id, state, asked_by, spki, first_issued_version)
SELECT $1, $2, $3, $4, 'asked', c.key_id, $5, s.version + 1
FROM certvendor.slot s
LEFT JOIN certvendor.slot_key c ON c.factory = $1 AND c.device = $2 AND c.slot = $3 AND c.state = 'current'
WHERE s.factory = $1 AND s.device = $2 AND s.name = $3
ON CONFLICT (factory, device, slot, key_id) DO UPDATE
	SET first_issued_version = coalesce(slot_key.first_issued_version, excluded.first_issued_version)
