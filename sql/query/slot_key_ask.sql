-- As arrays: $1 factory, $2 device, $3 slot, $4 key, $5 SPKI. The current key of the slot asked for a certificate of
-- this key; a key that is known keeps its state, but an operator's withdrawal ends.
INSERT INTO certvendor.slot_key (factory, device, slot, key_id, state, asked_by, spki, first_issued_version)
SELECT w.factory, w.device, w.slot, w.key_id, 'asked', c.key_id, w.spki, s.version + 1
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS w(factory, device, slot, key_id, spki)
JOIN certvendor.slot s ON s.factory = w.factory AND s.device = w.device AND s.name = w.slot
LEFT JOIN certvendor.slot_key c ON c.factory = w.factory AND c.device = w.device AND c.slot = w.slot
	AND c.state = 'current'
ON CONFLICT (factory, device, slot, key_id) DO UPDATE
	SET first_issued_version = coalesce(slot_key.first_issued_version, excluded.first_issued_version),
		withdrawn_at = NULL
