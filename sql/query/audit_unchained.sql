-- $1 limit. Rows that are visible and in no chain yet, in the order in which they will be in it.
SELECT 0, NULL::bytea, id::text, (extract(epoch FROM at) * 1000000)::bigint, actor, action, factory, device, slot,
	reason, request_id, before::text, after::text
FROM certvendor.audit WHERE position IS NULL AND isfinite(at) ORDER BY at, id LIMIT $1::integer
