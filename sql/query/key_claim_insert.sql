-- $1 factory, $2 key id, $3 device that proved it. The first stays the owner.
INSERT INTO certvendor.key_claim (factory, key_id, device)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
