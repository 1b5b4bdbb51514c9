-- $1 factory, $2 device, $3 slot or '' for every slot. Result as status_load, slot by slot.
SELECT c.factory, c.device, c.slot, s.version, d.state::text, d.first_seen_at IS NOT NULL,
	EXISTS (SELECT FROM certvendor.slot_key a WHERE a.factory = c.factory AND a.device = c.device
		AND a.slot = c.slot AND a.state = 'announced'),
	extract(epoch FROM k.talks_until)::bigint, c.fingerprint, k.state::text, c.revoked_at IS NOT NULL,
	c.authority::text, extract(epoch FROM c.not_before)::bigint, extract(epoch FROM c.not_after)::bigint,
	c.sha1, CASE WHEN c.is_ours THEN c.serial END
FROM certvendor.certificate c
JOIN certvendor.device d ON d.factory = c.factory AND d.id = c.device
JOIN certvendor.slot s ON s.factory = c.factory AND s.device = c.device AND s.name = c.slot
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id
WHERE c.factory = $1 AND c.device = $2 AND ($3 = '' OR c.slot = $3)
ORDER BY c.slot
