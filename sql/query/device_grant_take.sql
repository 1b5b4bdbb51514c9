-- $1 hash of the device code, $2 device, $3 id and $4 hash of the token that it gets, $5 seconds that this lives. The
-- same code gets the same token, until it ends or is revoked. A token whose giver has no good one himself is worth nothing.
-- Result: pending, approved, refused or expired; no row: there is no such code.
WITH asked AS MATERIALIZED (
	SELECT g.factory, g.device, g.decider, t.name, CASE
		WHEN g.state = 'approved' AND (t.id IS NULL OR t.revoked_at IS NOT NULL OR t.expires_at <= now()
			OR o.revoked_at IS NOT NULL) THEN 'refused'
		WHEN least(g.expires_at, o.expires_at) <= now() THEN 'expired'
		ELSE g.state END AS state
	FROM certvendor.device_grant g
	LEFT JOIN certvendor.operator_credential t ON t.id = g.decider
	LEFT JOIN certvendor.operator_token o ON o.hash = $4::bytea
	WHERE g.code_hash = $1::bytea AND g.device = $2
	FOR SHARE OF g
), made AS (
	INSERT INTO certvendor.operator_token (id, name, hash, role, factories, expires_at, scopes, device, parent)
	SELECT $3::uuid, a.name, $4::bytea, 'operator', ARRAY[a.factory], now() + make_interval(secs => $5::double precision),
		ARRAY['devices:create'], a.device, a.decider
	FROM asked a
	WHERE a.state = 'approved'
	ON CONFLICT (hash) DO NOTHING
)
SELECT state FROM asked
