-- $1 name, $2 factory. What could have been told meanwhile is not caught up. No row affected when it is done or ended.
UPDATE certvendor.rotation_group SET state = 'running',
	next_at = CASE state WHEN 'paused' THEN greatest(next_at, now()) ELSE next_at END
WHERE name = $1 AND factory = $2 AND state IN ('running', 'paused')
