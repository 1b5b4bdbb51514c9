-- $1 factory, $2 device, $3 owner, $4 origin, $5 token. A device that is registered anew was not seen yet.
UPDATE certvendor.device
SET state = 'ok', state_reason = NULL, owner = coalesce($3, owner), origin = coalesce($4::uuid, origin),
	registered_by = $5::uuid, first_seen_at = NULL
WHERE factory = $1 AND id = $2
