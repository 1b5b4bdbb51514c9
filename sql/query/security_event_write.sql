-- $1 factory, $2 device, $3 kind, $4 key id, $5 how many more.
INSERT INTO certvendor.security_event (factory, device, kind, key_id, count)
VALUES ($1, $2, $3, $4, $5::bigint)
ON CONFLICT (factory, device, kind, key_id) DO UPDATE
	SET last_at = now(), count = security_event.count + excluded.count
