SELECT id::text, factory, name, coalesce(owner, ''), kind::text, state::text, fingerprint, certificate,
	extract(epoch FROM created_at)::bigint
FROM certvendor.authority ORDER BY factory, created_at, name
