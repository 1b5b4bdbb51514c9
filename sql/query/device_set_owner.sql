-- $1 factory, $2 device, $3 owner.
UPDATE certvendor.device SET owner = $3 WHERE factory = $1 AND id = $2
