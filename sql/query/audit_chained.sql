-- $1 position, $2 limit. The chain behind the position.
SELECT position, hash, id::text, (extract(epoch FROM at) * 1000000)::bigint, actor, action, factory, device, slot,
	reason, request_id, before::text, after::text
FROM certvendor.audit WHERE position > $1::bigint ORDER BY position LIMIT $2::integer
