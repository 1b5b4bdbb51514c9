-- $1 factory, $2 device, $3 time of the configuration in seconds since 1970, $4 version of its device layer, $5 certificate
-- that fetched it: recorded once a time, and not for a key that another one has replaced meanwhile. Result: a row when it
-- was this time.
WITH served AS (
	UPDATE certvendor.device_served SET served_at = now()
	WHERE factory = $1 AND device = $2 AND modified_at = to_timestamp($3::bigint) AND served_at IS NULL
		AND NOT EXISTS (SELECT FROM certvendor.certificate x
			WHERE x.factory = $1 AND x.device = $2 AND x.fingerprint = $5 AND (x.revoked_at IS NOT NULL
				OR NOT EXISTS (SELECT FROM certvendor.slot_key k WHERE k.factory = $1 AND k.device = $2
					AND k.slot = x.slot AND k.key_id = x.key_id AND k.state = 'current')))
	RETURNING factory, device
), applied AS (
	UPDATE certvendor.device_configuration c SET applied_at = now()
	FROM served s
	WHERE c.factory = s.factory AND c.device = s.device AND c.version = $4::bigint AND c.applied_at IS NULL
)
SELECT FROM served
