-- $1 factory, $2 device, $3 slot, $4 key, $5 SPKI.
INSERT INTO certvendor.slot_key (factory, device, slot, key_id, state, asked_by, spki, announced_at)
SELECT $1, $2, $3, $4, 'announced', c.key_id, $5, now()
FROM certvendor.slot_key c
WHERE c.factory = $1 AND c.device = $2 AND c.slot = $3 AND c.state = 'current'
ON CONFLICT (factory, device, slot, key_id) DO UPDATE
	SET state = 'announced', asked_by = excluded.asked_by, announced_at = now(), withdrawn_at = NULL
	WHERE slot_key.state = 'asked'
