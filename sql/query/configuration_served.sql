-- $1 factory, $2 device, $3 time of the configuration in seconds since 1970, $4 version of its device layer. The device
-- fetched it: recorded once a time, as `served`. Whatever else is to happen then goes into this statement.
WITH served AS (
	UPDATE certvendor.device_served SET served_at = now()
	WHERE factory = $1 AND device = $2 AND modified_at = to_timestamp($3::bigint) AND served_at IS NULL
	RETURNING factory, device
)
UPDATE certvendor.device_configuration c SET applied_at = now()
FROM served s
WHERE c.factory = s.factory AND c.device = s.device AND c.version = $4::bigint AND c.applied_at IS NULL
