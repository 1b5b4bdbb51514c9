-- $1 factory, $2 device, $3 state, $4 reason. A deleted device gives its name free; one that comes back takes it again,
-- unless another one is called so now. It also notes when a deleted one was cleared.
WITH named AS (
	UPDATE certvendor.device_name n SET is_released = ($3::text = 'deleted')
	WHERE n.factory = $1 AND n.device = $2 AND ($3::text = 'deleted' OR ($3::text = 'ok' AND n.is_released
		AND NOT EXISTS (SELECT FROM certvendor.device_name o
			WHERE o.factory = n.factory AND o.name = n.name AND NOT o.is_released)))
)
UPDATE certvendor.device
SET state = $3::certvendor.device_state, state_reason = $4,
	cleared_at = CASE WHEN state = 'deleted' AND $3::text = 'ok' THEN now() END
WHERE factory = $1 AND id = $2
