-- $1 factory, $2 device, $3 slot, $4 key that takes over. Nothing is discarded that this key itself asked for.
UPDATE certvendor.slot_key
SET state = 'discarded', ended_at = now(), ended_reason = 'superseded', announced_at = NULL
WHERE factory = $1 AND device = $2 AND slot = $3 AND state IN ('asked', 'announced') AND key_id <> $4
	AND asked_by IS DISTINCT FROM $4
