-- $1 factory, $2 device, $3 slot, $4 key, $5 state, $6 reason. A compromised key is the device's also where nobody
-- proved it yet: no other may have it.
WITH compromised AS (
	INSERT INTO certvendor.key_claim (factory, key_id, device)
	SELECT $1, $4, $2 WHERE $5::certvendor.key_state = 'compromised'
	ON CONFLICT DO NOTHING
)
UPDATE certvendor.slot_key
SET state = $5::certvendor.key_state, ended_at = coalesce(ended_at, now()), ended_reason = $6, announced_at = NULL,
	talks_until = NULL
WHERE factory = $1 AND device = $2 AND slot = $3 AND key_id = $4
	AND (state IN ('asked', 'announced', 'current') OR $5::certvendor.key_state = 'compromised')
