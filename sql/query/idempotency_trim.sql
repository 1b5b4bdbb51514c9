-- $1 operator, $2 key. Drops this one if it is too old, and some others that are.
DELETE FROM certvendor.idempotency
WHERE created_at < now() - interval '24 hours' AND ((operator = $1::uuid AND key = $2) OR (operator, key) IN (
	SELECT i.operator, i.key FROM certvendor.idempotency i WHERE i.created_at < now() - interval '24 hours'
	ORDER BY i.created_at LIMIT 100 FOR UPDATE SKIP LOCKED))
