SELECT id::text, factory, name, coalesce(owner, ''), kind::text, state::text, fingerprint, certificate
FROM certvendor.authority ORDER BY factory, created_at, name
