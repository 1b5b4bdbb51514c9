-- $1 hash. Result: id, name, role, every factory, factories.
SELECT id::text, name, role, factories IS NULL, coalesce(array_to_string(factories, ','), '')
FROM certvendor.operator_token
WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
