-- $1 factory, $2 key id, $3 device that proved it. The first stays the owner. A transaction of its own, whose commit
-- need not reach the disk before the change that follows it on this connection: the log is written in order, so
-- that change's durable commit carries the claim with it.
WITH relaxed AS MATERIALIZED (
	SELECT set_config('synchronous_commit', 'off', true)
)
INSERT INTO certvendor.key_claim (factory, key_id, device)
SELECT $1::text, $2::bytea, $3::text FROM relaxed
ON CONFLICT DO NOTHING
