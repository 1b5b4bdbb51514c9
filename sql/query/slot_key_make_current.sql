-- $1 factory, $2 device, $3 slot, $4 key.
UPDATE certvendor.slot_key SET state = 'current', announced_at = NULL
WHERE factory = $1 AND device = $2 AND slot = $3 AND key_id = $4 AND state IN ('asked', 'announced')
