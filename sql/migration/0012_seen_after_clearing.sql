-- A device that was cleared is not seen until it is seen again: memory leaves that sight to the database, so that it is
-- written down before it is answered, and nobody registers another key after it.

UPDATE certvendor.device d SET cleared_at = NULL
WHERE cleared_at IS NOT NULL AND EXISTS (SELECT FROM certvendor.slot s
	WHERE s.factory = d.factory AND s.device = d.id AND s.last_seen_at >= d.cleared_at);

CREATE OR REPLACE VIEW certvendor.certificate_status AS
SELECT c.factory, c.device, c.slot, s.version, d.state::text AS device_state,
	d.first_seen_at IS NOT NULL AND d.cleared_at IS NULL AS is_seen,
	EXISTS (SELECT FROM certvendor.slot_key a WHERE a.factory = c.factory AND a.device = c.device
		AND a.slot = c.slot AND a.state = 'announced') AS has_pending,
	extract(epoch FROM k.talks_until)::bigint AS talks_until, c.fingerprint, k.state::text AS key_state,
	c.revoked_at IS NOT NULL AS is_revoked, c.authority::text AS authority,
	extract(epoch FROM c.not_before)::bigint AS not_before, extract(epoch FROM c.not_after)::bigint AS not_after,
	c.sha1, CASE WHEN c.is_ours THEN c.serial END AS serial, g.id AS group_id
FROM certvendor.certificate c
JOIN certvendor.device d ON d.factory = c.factory AND d.id = c.device
JOIN certvendor.slot s ON s.factory = c.factory AND s.device = c.device AND s.name = c.slot
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id
LEFT JOIN certvendor.device_group g ON g.factory = d.factory AND g.name = d.group_name;
