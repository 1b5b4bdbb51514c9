-- $1 id, $2 name, $3 hash, $4 role.
INSERT INTO certvendor.operator_token (id, name, hash, role) VALUES ($1::uuid, $2, $3, $4)
