-- $1 factory, $2 device, $3 slot, $4 key or NULL for all.
UPDATE certvendor.slot_key SET state = 'asked', announced_at = NULL
WHERE factory = $1 AND device = $2 AND slot = $3 AND state = 'announced' AND ($4::bytea IS NULL OR key_id = $4)
