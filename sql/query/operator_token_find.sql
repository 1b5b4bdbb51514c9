-- $1 hash. A token that was made of another one ends with that. Result: id, name, role, every factory, factories,
-- scopes, device, time of making in microseconds.
SELECT t.id::text, t.name, t.role, t.factories IS NULL, coalesce(array_to_string(t.factories, ','), ''),
	coalesce(array_to_string(t.scopes, ','), ''), coalesce(t.device, ''),
	(extract(epoch FROM t.created_at) * 1000000)::bigint
FROM certvendor.operator_token t
LEFT JOIN certvendor.operator_credential p ON p.id = t.parent
WHERE t.hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
	AND (t.parent IS NULL OR (p.revoked_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > now())))
