-- $1 fingerprint. Result: id, name, role, every factory, factories, revoked, expired.
SELECT id::text, name, role, factories IS NULL, coalesce(array_to_string(factories, ','), ''), revoked_at IS NOT NULL,
	expires_at < now()
FROM certvendor.operator_certificate
WHERE fingerprint = $1
