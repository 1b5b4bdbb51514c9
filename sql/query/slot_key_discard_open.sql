-- $1 factory, $2 device, $3 slot, $4 reason.
UPDATE certvendor.slot_key
SET state = 'discarded', ended_at = now(), ended_reason = $4, announced_at = NULL
WHERE factory = $1 AND device = $2 AND slot = $3 AND state IN ('asked', 'announced')
