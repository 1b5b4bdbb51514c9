-- $1 factory, $2 id as text, $3 approved or refused, $4 who, $5 request id, $6 id of the audit row, $7 reason or
-- NULL. Result: one row when a request waited.
WITH decided AS (
	UPDATE certvendor.approval SET state = $3, decided_at = now(), decided_by = $4
	WHERE factory = $1 AND id::text = $2 AND state = 'pending' AND expires_at > now()
	RETURNING *
)
INSERT INTO certvendor.audit (id, actor, action, factory, device, reason, request_id, after)
SELECT $6::uuid, $4, 'enrolment-' || $3, d.factory, d.device, $7, $5,
	json_build_object('approval', d.id, 'label', NULLIF(d.label, ''), 'identity', d.identity, 'csr', encode(d.csr_digest, 'hex'))
FROM decided d
RETURNING 1
