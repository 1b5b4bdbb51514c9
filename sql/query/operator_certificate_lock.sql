-- $1 id.
SELECT FROM certvendor.operator_certificate WHERE id = $1::uuid FOR UPDATE
