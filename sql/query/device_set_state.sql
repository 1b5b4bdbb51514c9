-- $1 factory, $2 device, $3 state, $4 reason.
UPDATE certvendor.device
SET state = $3::certvendor.device_state, state_reason = $4
WHERE factory = $1 AND id = $2
