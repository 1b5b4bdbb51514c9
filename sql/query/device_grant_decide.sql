-- $1 factory, $2 user code, $3 approved or refused, $4 who, $5 id of his token, $6 request id, $7 id of the audit row,
-- $8 reason or NULL.
-- Result: one row when it waited.
WITH decided AS (
	-- What a session approved ends with the token that it was made of.
	UPDATE certvendor.device_grant SET state = $3, decided_at = now(), decided_by = $4, decider = coalesce(
		(SELECT t.parent FROM certvendor.operator_token t WHERE t.id = $5::uuid), $5::uuid)
	WHERE factory = $1 AND user_code = $2 AND state = 'pending' AND expires_at > now()
	RETURNING *
)
INSERT INTO certvendor.audit (id, actor, action, factory, device, reason, request_id, after)
SELECT $7::uuid, $4, 'device-grant-' || $3, d.factory, d.device, $8, $6, json_build_object('user_code', d.user_code)
FROM decided d
RETURNING 1
