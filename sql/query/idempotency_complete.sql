-- $1 operator, $2 key, $3 object, $4 what is kept for a repeat or NULL.
UPDATE certvendor.idempotency SET object = $3, kept = $4 WHERE operator = $1::uuid AND key = $2
