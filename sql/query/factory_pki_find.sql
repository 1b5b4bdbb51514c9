-- $1 factory. Result: root, device CAs, created at and by, updated at and by; times in seconds.
SELECT coalesce(root_crt, ''), coalesce(ca_crt, ''), extract(epoch FROM created_at)::bigint, created_by,
	extract(epoch FROM updated_at)::bigint, updated_by
FROM certvendor.factory_pki WHERE factory = $1
