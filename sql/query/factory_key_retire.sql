-- $1 factory, $2 purpose.
UPDATE certvendor.factory_key
SET state = 'retired', private_key = CASE WHEN purpose = 'online' THEN private_key END
WHERE factory = $1 AND purpose = $2 AND state = 'active'
