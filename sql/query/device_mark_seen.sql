-- $1 factory, $2 device.
UPDATE certvendor.device SET first_seen_at = now()
WHERE factory = $1 AND id = $2 AND first_seen_at IS NULL
