-- $1 group, $2 factory, $3 device, $4 rotation id, $5 milliseconds at which the next one may be told.
WITH told AS (
	UPDATE certvendor.rotation_group_device SET state = 'told', told_at = now(), rotation_id = $4, note = NULL
	WHERE factory = $2 AND group_name = $1 AND device = $3 AND state = 'waiting'
)
UPDATE certvendor.rotation_group SET next_at = to_timestamp($5::double precision / 1000)
WHERE name = $1 AND factory = $2
