-- $1 id, $2 factory.
UPDATE certvendor.enrolment_token SET revoked_at = coalesce(revoked_at, now()), expires_at = least(expires_at, now())
WHERE id = $1::uuid AND factory = $2
