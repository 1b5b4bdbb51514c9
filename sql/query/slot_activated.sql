-- $1 factory, $2 device, $3 slot.
UPDATE certvendor.slot SET locked_since = NULL, activated_at = now()
WHERE factory = $1 AND device = $2 AND name = $3
