-- As arrays: $1 factory or '', $2 device or '', $3 kind, $4 what is counted, $5 how many more; for the audit trail $6 id,
-- $7 actor, $8 request id, $9 label or '', $10 what the device calls itself or '', $11 the key or certificate or zeros. A
-- row of the trail for the first, and for one after a day without: repeats are counted here. In one order: no deadlocks.
WITH event AS (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::text[],
		$8::text[], $9::text[], $10::text[], $11::bytea[])
		AS u(factory, device, kind, key_id, count, id, actor, request_id, label, claimed_device, named)
), written AS (
	INSERT INTO certvendor.security_event (factory, device, kind, key_id, count)
	SELECT factory, device, kind, key_id, count FROM event
	ORDER BY factory COLLATE "C", device COLLATE "C", kind COLLATE "C", key_id
	ON CONFLICT (factory, device, kind, key_id) DO UPDATE
		SET last_at = now(), count = security_event.count + excluded.count
	RETURNING factory, device, kind, key_id, xmax = 0 AS is_new
)
INSERT INTO certvendor.audit (id, actor, action, factory, device, reason, request_id, after)
SELECT e.id::uuid, e.actor, 'security-event', nullif(e.factory, ''), nullif(e.device, ''), e.kind,
	nullif(e.request_id, ''), jsonb_strip_nulls(jsonb_build_object('device', nullif(e.claimed_device, ''),
		'label', nullif(e.label, ''), 'sha256', nullif(encode(e.named, 'hex'), repeat('0', 64))))
FROM event e JOIN written w USING (factory, device, kind, key_id)
	LEFT JOIN certvendor.security_event before USING (factory, device, kind, key_id)
WHERE w.is_new OR before.last_at < now() - interval '1 day'
