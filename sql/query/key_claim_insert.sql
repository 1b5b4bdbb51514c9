-- As arrays, one key each: $1 factory, $2 key id, $3 device that proved it, $4 slot, $5 the debt of that slot, in
-- seconds, beyond which the request is going to be refused, so that nothing is to be kept of it; NULL: whatever it is.
-- The first stays the owner. A transaction of its own, so that many devices claim without waiting for each other's
-- change (a registration: key_claim_take.sql), and its commit need not reach the disk before the change that follows it
-- on this connection: the log is written in order, so that change's durable commit carries the claims with it. In the
-- order of the keys, so that two of these never wait for each other.
WITH relaxed AS MATERIALIZED (
	SELECT set_config('synchronous_commit', 'off', true)
)
INSERT INTO certvendor.key_claim (factory, key_id, device)
SELECT w.factory, w.key_id, w.device
FROM relaxed, unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::bigint[])
	AS w(factory, key_id, device, slot, debt_max)
WHERE NOT EXISTS (SELECT FROM certvendor.slot s
	WHERE s.factory = w.factory AND s.device = w.device AND s.name = w.slot
		AND extract(epoch FROM s.issue_debt_until)::bigint - extract(epoch FROM clock_timestamp())::bigint > w.debt_max)
ORDER BY w.factory, w.key_id
ON CONFLICT DO NOTHING
