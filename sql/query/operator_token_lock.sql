-- $1 id.
SELECT FROM certvendor.operator_token WHERE id = $1::uuid FOR UPDATE
