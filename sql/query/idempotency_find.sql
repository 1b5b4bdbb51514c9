-- $1 operator, $2 key, $3 digest of the request. Result: the same request?, object, what was kept.
SELECT request_digest = $3, object, kept FROM certvendor.idempotency WHERE operator = $1::uuid AND key = $2
