-- $1 group, $2 factory. One instance at a time tells devices of a group, and nobody waits. No row: not this one.
SELECT FROM certvendor.rotation_group WHERE name = $1 AND factory = $2 AND state = 'running' FOR UPDATE SKIP LOCKED
