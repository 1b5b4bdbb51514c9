-- $1 operator, $2 key, $3 digest of the request. Waits for the same request under way. No row affected: it was
-- answered before.
INSERT INTO certvendor.idempotency (operator, key, request_digest) VALUES ($1::uuid, $2, $3)
ON CONFLICT (operator, key) DO NOTHING
