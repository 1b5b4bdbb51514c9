-- $1 factory, $2 device, $3 slot. What waits for its first use waits for being named anew; what was only asked for,
-- too, as it may need no announcement.
UPDATE certvendor.slot_key SET state = 'asked', announced_at = NULL, withdrawn_at = now()
WHERE factory = $1 AND device = $2 AND slot = $3 AND state IN ('asked', 'announced')
