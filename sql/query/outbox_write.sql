-- As arrays, one event each: $1 id, $2 factory, $3 device, $4 slot, $5 kind, $6 new key or NULL, $7 key that it replaced
-- or NULL, $8 reason or NULL, $9 certificate or NULL. Writes what somebody subscribes to, and what is to be delivered.
WITH told AS MATERIALIZED (
	SELECT w.*
	FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::text[],
		$9::bytea[]) WITH ORDINALITY AS w(id, factory, device, slot, kind, new_key, old_key, reason, certificate, n)
	WHERE EXISTS (SELECT FROM certvendor.subscription s WHERE s.factory = w.factory AND s.removed_at IS NULL
		AND (s.events IS NULL OR w.kind = ANY (s.events)))
), written AS (
	INSERT INTO certvendor.outbox (id, factory, device, kind, payload)
	SELECT w.id::uuid, w.factory, w.device, w.kind, jsonb_strip_nulls(jsonb_build_object('slot', w.slot,
		'group', d.group_name, 'group_number', certvendor.group_number(w.factory, d.group_name),
		'new_key', encode(a.spki, 'hex'), 'old_key', encode(b.spki, 'hex'), 'reason', w.reason,
		'certificate', encode(w.certificate, 'hex')))
	FROM told w
	LEFT JOIN certvendor.device d ON d.factory = w.factory AND d.id = w.device
	LEFT JOIN certvendor.slot_key a ON a.factory = w.factory AND a.device = w.device AND a.slot = w.slot
		AND a.key_id = w.new_key
	LEFT JOIN certvendor.slot_key b ON b.factory = w.factory AND b.device = w.device AND b.slot = w.slot
		AND b.key_id = w.old_key
	ORDER BY w.n
	RETURNING factory, device, number, kind
)
INSERT INTO certvendor.delivery (factory, device, number, subscription)
SELECT e.factory, e.device, e.number, s.id
FROM written e
JOIN certvendor.subscription s ON s.factory = e.factory AND s.removed_at IS NULL
	AND (s.events IS NULL OR e.kind = ANY (s.events))
