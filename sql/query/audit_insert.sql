-- $1 id, $2 actor, $3 action, $4 factory, $5 reason, $6 request id, $7 before, $8 after. Of devices: change_finish.
INSERT INTO certvendor.audit (id, actor, action, factory, reason, request_id, before, after)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb)
