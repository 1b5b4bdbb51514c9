-- $1 factory, $2 purpose, $3 certificate.
UPDATE certvendor.factory_key SET state = 'active', certificate = $3, activated_at = now()
WHERE factory = $1 AND purpose = $2 AND state = 'pending'
