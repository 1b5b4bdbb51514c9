-- $1 factory, $2 device, $3 reason. Every open key of every slot.
UPDATE certvendor.slot_key
SET state = CASE WHEN state = 'current' THEN 'retired' ELSE 'discarded' END::certvendor.key_state,
	ended_at = now(), ended_reason = $3, announced_at = NULL
WHERE factory = $1 AND device = $2 AND state IN ('asked', 'announced', 'current')
