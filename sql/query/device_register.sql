-- $1 factory, $2 device, $3 owner, $4 origin, $5 token. A device that is registered anew was not seen yet. It is
-- called by its id, or as it was before it was deleted, unless another one is called so now.
WITH named AS (
	INSERT INTO certvendor.device_name (factory, device, name) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING
), reclaimed AS (
	UPDATE certvendor.device_name n SET is_released = false
	WHERE n.factory = $1 AND n.device = $2 AND n.is_released AND NOT EXISTS (SELECT FROM certvendor.device_name o
		WHERE o.factory = n.factory AND o.name = n.name AND NOT o.is_released)
)
UPDATE certvendor.device
SET state = 'ok', state_reason = NULL, owner = coalesce($3, owner), origin = coalesce($4::uuid, origin),
	registered_by = $5::uuid, first_seen_at = NULL, cleared_at = NULL
WHERE factory = $1 AND id = $2
