-- $1 factory, $2 purpose.
DELETE FROM certvendor.factory_key WHERE factory = $1 AND purpose = $2 AND state = 'pending'
