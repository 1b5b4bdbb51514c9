-- $1 name. Whoever is called so in the audit and can still log in; what was made of a token ends with that. No row: the
-- name is free.
SELECT FROM certvendor.operator_credential
WHERE name = $1 AND parent IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
LIMIT 1
