-- As arrays, one change of a device each: $1 factory, $2 device, $3 slot, $4 every slot of the device?, $5 kind,
-- $6 end of the issuance debt of slot $3 in seconds since 1970 or NULL, and for the audit trail $7 id, $8 actor,
-- $9 reason, $10 request id, $11 before, $12 after. Raises the versions, feeds the change, and writes the audit row.
-- Slots are updated in one order, so that two of these never wait for each other. Result: new versions of slots $3.
WITH wanted AS MATERIALIZED (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::bigint[], $7::text[],
		$8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
		AS w(factory, device, slot, is_of_every_slot, kind, debt_until, id, actor, reason, request_id, before,
			after)
	ORDER BY factory COLLATE "C", device COLLATE "C", slot COLLATE "C"
), audited AS (
	INSERT INTO certvendor.audit (id, actor, action, factory, device, slot, reason, request_id, before, after)
	SELECT id::uuid, actor, kind, factory, device, slot, reason, request_id, before::jsonb, after::jsonb FROM wanted
), raised AS (
	UPDATE certvendor.slot s SET version = s.version + 1,
		issue_debt_until = CASE WHEN s.name = w.slot THEN coalesce(to_timestamp(w.debt_until), s.issue_debt_until)
			ELSE s.issue_debt_until END
	FROM wanted w
	WHERE s.factory = w.factory AND s.device = w.device AND (s.name = w.slot OR w.is_of_every_slot)
	RETURNING s.factory, s.device, s.name, s.version, w.kind, s.name = w.slot AS is_wanted
), fed AS (
	INSERT INTO certvendor.change (factory, device, slot, version, kind)
	SELECT factory, device, name, version, kind FROM raised
)
SELECT version FROM raised WHERE is_wanted
