-- $1 id of a token, $2 id and $3 hash of the one that is made of it, $4 seconds that this lives, $5 most that may be made
-- of one: the oldest give way. It may what the first may. Forgets what ended a day ago.
WITH ended AS (
	DELETE FROM certvendor.operator_token
	WHERE (parent IS NOT NULL AND expires_at < now() - interval '1 day') OR id IN (
		SELECT s.id FROM certvendor.operator_token s
		WHERE s.parent = $1::uuid AND s.device IS NULL
		ORDER BY s.expires_at DESC, s.id DESC OFFSET $5::bigint - 1)
)
INSERT INTO certvendor.operator_token (id, name, hash, role, factories, scopes, expires_at, parent)
SELECT $2::uuid, t.name, $3::bytea, t.role, t.factories, t.scopes, now() + make_interval(secs => $4::double precision), t.id
FROM certvendor.operator_token t
WHERE t.id = $1::uuid AND t.parent IS NULL AND t.device IS NULL
