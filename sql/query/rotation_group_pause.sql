-- $1 name, $2 factory. No row affected when it is done or ended.
UPDATE certvendor.rotation_group SET state = 'paused'
WHERE name = $1 AND factory = $2 AND state IN ('running', 'paused')
