-- $1 factory, $2 device, $3 slot. A key that was only named, and fell back, leaves no trace.
DELETE FROM certvendor.slot_key
WHERE factory = $1 AND device = $2 AND slot = $3 AND state = 'asked' AND first_issued_version IS NULL
