-- $1 group, $2 factory, $3 device, $4 why, $5 seconds until it is tried again, or NULL: never.
UPDATE certvendor.rotation_group_device SET note = $4, next_at = now() + make_interval(secs => coalesce($5::integer, 0)),
	state = CASE WHEN $5::integer IS NULL THEN 'skipped' ELSE state END,
	ended_at = CASE WHEN $5::integer IS NULL THEN now() END
WHERE factory = $2 AND group_name = $1 AND device = $3 AND state = 'waiting'
