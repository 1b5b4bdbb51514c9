-- $1 factory or '', $2 device, $3 kind, $4 key id, $5 how many more; for the audit trail $6 id, $7 actor, $8 request id,
-- $9 label or ''. A row of the trail for the first, and for one after a day without: repeats are counted here.
WITH before AS (
	SELECT last_at FROM certvendor.security_event WHERE (factory, device, kind, key_id) = ($1, $2, $3, $4)
), written AS (
	INSERT INTO certvendor.security_event (factory, device, kind, key_id, count)
	VALUES ($1, $2, $3, $4, $5::bigint)
	ON CONFLICT (factory, device, kind, key_id) DO UPDATE
		SET last_at = now(), count = security_event.count + excluded.count
	RETURNING xmax = 0 AS is_new
)
INSERT INTO certvendor.audit (id, actor, action, factory, device, reason, request_id, after)
SELECT $6::uuid, $7, 'security-event', nullif($1, ''), $2, $3, nullif($8, ''),
	jsonb_strip_nulls(jsonb_build_object('sha256', encode($4, 'hex'), 'label', nullif($9, '')))
FROM written WHERE is_new OR (SELECT last_at FROM before) < now() - interval '1 day'
