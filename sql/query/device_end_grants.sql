-- $1 factory, $2 device. Codes that wait for an operator may still be approved.
DELETE FROM certvendor.device_grant WHERE factory = $1 AND device = $2 AND state = 'approved'
