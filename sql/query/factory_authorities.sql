-- $1 factory. Result: as realm_authorities.
SELECT id::text, factory, name, coalesce(owner, ''), kind::text, state::text, fingerprint, certificate,
	extract(epoch FROM created_at)::bigint, coalesce(floor(extract(epoch FROM signs_from)), 0)::bigint,
	coalesce(floor(extract(epoch FROM signs_until)), 0)::bigint
FROM certvendor.authority WHERE factory = $1 ORDER BY created_at, name
