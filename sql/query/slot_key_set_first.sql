-- $1 factory, $2 device, $3 slot, $4 key, $5 SPKI. The first current key of a slot that has none.
INSERT INTO certvendor.slot_key (factory, device, slot, key_id, state, spki, first_issued_version)
VALUES ($1, $2, $3, $4, 'current', $5,
	(SELECT version + 1 FROM certvendor.slot WHERE factory = $1 AND device = $2 AND name = $3))
ON CONFLICT (factory, device, slot, key_id) DO UPDATE SET state = 'current', withdrawn_at = NULL
	WHERE slot_key.state IN ('asked', 'announced')
