-- $1 id, $2 name, $3 hash, $4 role, $5 factories, comma separated, or NULL: all, $6 seconds to live or NULL, $7 scopes,
-- comma separated, or NULL: whatever the role may.
INSERT INTO certvendor.operator_token (id, name, hash, role, factories, expires_at, scopes)
VALUES ($1::uuid, $2, $3, $4, string_to_array($5, ','), now() + make_interval(secs => $6::double precision),
	string_to_array($7, ','))
