-- $1 factory, $2 device, $3 slot, $4 key, $5 state, $6 reason.
UPDATE certvendor.slot_key
SET state = $5::certvendor.key_state, ended_at = coalesce(ended_at, now()), ended_reason = $6, announced_at = NULL,
	talks_until = NULL
WHERE factory = $1 AND device = $2 AND slot = $3 AND key_id = $4
	AND (state IN ('asked', 'announced', 'current') OR $5::certvendor.key_state = 'compromised')
