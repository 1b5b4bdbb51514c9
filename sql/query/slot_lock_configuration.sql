-- $1 factory, $2 device, $3 slot. The lock runs from the first announcement.
UPDATE certvendor.slot SET locked_since = coalesce(locked_since, now())
WHERE factory = $1 AND device = $2 AND name = $3
