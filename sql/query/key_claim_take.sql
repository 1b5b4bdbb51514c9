-- $1 factory, $2 key id, $3 device that proved it. In the transaction of a registration, so that a refusal takes it back;
-- of two devices that come at once the second waits for what becomes of the first. Who waits here may hold a device; who
-- holds a claim waits for no device, but at most for the name or the approval of the registration.
INSERT INTO certvendor.key_claim (factory, key_id, device)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
