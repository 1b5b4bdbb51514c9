-- $1 id of a token, $2 id and $3 hash of the one that is made of it, $4 seconds that this lives: it may what the first
-- may.
INSERT INTO certvendor.operator_token (id, name, hash, role, factories, scopes, expires_at, parent)
SELECT $2::uuid, t.name, $3::bytea, t.role, t.factories, t.scopes, now() + make_interval(secs => $4::double precision), t.id
FROM certvendor.operator_token t
WHERE t.id = $1::uuid AND t.parent IS NULL AND t.device IS NULL
