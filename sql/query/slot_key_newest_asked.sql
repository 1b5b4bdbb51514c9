-- $1 factory, $2 device, $3 slot. The newest key that the current key asked for, announced or not; a withdrawn one only
-- where all are. Under the lock of the device. Result: key id, SPKI, state, withdrawn.
SELECT k.key_id, k.spki, k.state::text, k.withdrawn_at IS NOT NULL FROM certvendor.slot_key k
JOIN certvendor.slot_key c ON c.factory = $1 AND c.device = $2 AND c.slot = $3 AND c.state = 'current'
WHERE k.factory = $1 AND k.device = $2 AND k.slot = $3 AND k.state IN ('asked', 'announced')
	AND k.asked_by = c.key_id
ORDER BY k.withdrawn_at IS NULL DESC, k.first_issued_version DESC NULLS LAST LIMIT 1
