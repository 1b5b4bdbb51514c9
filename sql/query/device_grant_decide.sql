-- $1 factory, $2 user code, $3 approved or refused, $4 who, $5 id of his token, $6 request id, $7 id of the audit row,
-- $8 reason or NULL.
-- Result: one row when it waited.
WITH decided AS (
	UPDATE certvendor.device_grant SET state = $3, decided_at = now(), decided_by = $4, decider = $5::uuid
	WHERE factory = $1 AND user_code = $2 AND state = 'pending' AND expires_at > now()
	RETURNING *
)
INSERT INTO certvendor.audit (id, actor, action, factory, device, reason, request_id, after)
SELECT $7::uuid, $4, 'device-grant-' || $3, d.factory, d.device, $8, $6, json_build_object('user_code', d.user_code)
FROM decided d
RETURNING 1
