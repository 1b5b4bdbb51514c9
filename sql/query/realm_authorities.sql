-- Whoever came first is before the others: of two that could have issued a certificate, the older one has.
SELECT id::text, factory, name, coalesce(owner, ''), kind::text, state::text, fingerprint, certificate,
	extract(epoch FROM created_at)::bigint, coalesce(floor(extract(epoch FROM signs_from)), 0)::bigint,
	coalesce(floor(extract(epoch FROM signs_until)), 0)::bigint
FROM certvendor.authority ORDER BY created_at, factory, name
