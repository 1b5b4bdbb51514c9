-- $1 factory, $2 device, $3 slot.
INSERT INTO certvendor.slot (factory, device, name)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
