-- $1 factory, $2 device, $3 name. Fails when another device has the name.
INSERT INTO certvendor.device_name (factory, device, name) VALUES ($1, $2, $3)
ON CONFLICT (factory, device) DO UPDATE SET name = excluded.name, is_released = false
