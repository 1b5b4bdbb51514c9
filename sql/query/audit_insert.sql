-- $1 id, $2 actor, $3 action, $4 factory, $5 reason, $6 request id, $7 before, $8 after, $9 are these an object, which
-- says whose it is? Of several factories: of none, which is shown to operators without restriction to factories
-- only. Of devices: change_finish.
INSERT INTO certvendor.audit (id, actor, action, factory, device, reason, request_id, before, after)
SELECT $1::uuid, $2, $3, coalesce($4, CASE WHEN o.object #> '{factories,1}' IS NULL THEN o.object #>> '{factories,0}' END),
	o.object ->> 'device', $5, $6, $7::jsonb, $8::jsonb
FROM (SELECT CASE WHEN $9::boolean THEN coalesce($8::jsonb, $7::jsonb) END AS object) o
