-- $1 id.
UPDATE certvendor.operator_certificate SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1::uuid
