-- $1 id, $2 actor, $3 action, $4 factory, $5 device, $6 slot, $7 reason, $8 request id, $9 before, $10 after.
INSERT INTO certvendor.audit (id, actor, action, factory, device, slot, reason, request_id, before, after)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb)
