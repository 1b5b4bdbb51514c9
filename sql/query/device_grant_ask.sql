-- $1 id, $2 factory, $3 hash of the device code, $4 user code, $5 device, $6 seconds that it waits, $7 most that wait in
-- the factory, $8 of this device. Forgets what ended a day ago. One row when it waits now.
WITH forgotten AS (
	DELETE FROM certvendor.device_grant WHERE factory = $2 AND expires_at < now() - interval '1 day'
), ended AS (
	DELETE FROM certvendor.operator_token WHERE parent IS NOT NULL AND expires_at < now() - interval '1 day'
), waiting AS (
	SELECT count(*) AS all, count(*) FILTER (WHERE device = $5) AS own
	FROM certvendor.device_grant
	WHERE factory = $2 AND state = 'pending' AND expires_at > now()
)
INSERT INTO certvendor.device_grant (id, factory, code_hash, user_code, device, expires_at)
SELECT $1::uuid, $2, $3::bytea, $4, $5, now() + make_interval(secs => $6::double precision)
FROM waiting w
WHERE w.all < $7::bigint AND w.own < $8::bigint
ON CONFLICT DO NOTHING
RETURNING 1
