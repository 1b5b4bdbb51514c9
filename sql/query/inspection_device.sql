-- $1 factory, $2 device, $3 slot. Result: SPKI of the current key, of the newest announced one, last seen, group,
-- is it in production?
SELECT
	(SELECT k.spki FROM certvendor.slot_key k
		WHERE k.factory = $1 AND k.device = $2 AND k.slot = $3 AND k.state = 'current'),
	(SELECT k.spki FROM certvendor.slot_key k
		WHERE k.factory = $1 AND k.device = $2 AND k.slot = $3 AND k.state = 'announced'
		ORDER BY k.announced_at DESC LIMIT 1),
	extract(epoch FROM s.last_seen_at)::bigint,
	d.group_name,
	d.is_production
FROM certvendor.slot s
JOIN certvendor.device d ON d.factory = s.factory AND d.id = s.device
WHERE s.factory = $1 AND s.device = $2 AND s.name = $3
