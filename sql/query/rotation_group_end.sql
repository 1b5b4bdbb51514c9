-- $1 name, $2 factory. Who waits is not told any more. No row affected when it is done.
UPDATE certvendor.rotation_group SET state = 'ended', finished_at = coalesce(finished_at, now())
WHERE name = $1 AND factory = $2 AND state <> 'done'
