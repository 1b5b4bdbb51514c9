-- $1 factory, $2 device. Codes that wait for an operator may still be approved.
WITH approved AS (
	DELETE FROM certvendor.device_grant WHERE factory = $1 AND device = $2 AND state = 'approved'
)
DELETE FROM certvendor.operator_token WHERE device = $2 AND factories = ARRAY[$1]
