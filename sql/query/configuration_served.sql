-- $1 factory, $2 device, $3 time of the configuration in seconds since 1970, $4 version of its device layer. The device
-- fetched it: recorded once a time. Result: a row when it was this time.
WITH served AS (
	UPDATE certvendor.device_served SET served_at = now()
	WHERE factory = $1 AND device = $2 AND modified_at = to_timestamp($3::bigint) AND served_at IS NULL
	RETURNING factory, device
), applied AS (
	UPDATE certvendor.device_configuration c SET applied_at = now()
	FROM served s
	WHERE c.factory = s.factory AND c.device = s.device AND c.version = $4::bigint AND c.applied_at IS NULL
)
SELECT FROM served
