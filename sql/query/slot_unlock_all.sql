-- $1 factory, $2 device.
UPDATE certvendor.slot SET locked_since = NULL WHERE factory = $1 AND device = $2
