-- $1 position, $2 limit. The present state of the slots that changed: numbered rows after the position, and rows
-- not yet numbered. The first two columns are bookkeeping: highest position and number of rows, on every row.
WITH numbered AS (
	SELECT factory, device, slot, position FROM certvendor.change
	WHERE position > $1::bigint ORDER BY position LIMIT $2::integer
), unnumbered AS (
	SELECT factory, device, slot FROM certvendor.change
	WHERE position IS NULL ORDER BY at LIMIT $2::integer
), changed AS (
	SELECT factory, device, slot FROM numbered UNION SELECT factory, device, slot FROM unnumbered
)
SELECT (SELECT coalesce(max(position), $1::bigint) FROM numbered),
	(SELECT count(*) FROM numbered), (SELECT count(*) FROM unnumbered),
	(SELECT trimmed FROM certvendor.feed), st.*
FROM (SELECT) AS always LEFT JOIN LATERAL (
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
	JOIN changed g ON g.factory = c.factory AND g.device = c.device AND g.slot = c.slot
	ORDER BY c.factory, c.device, c.slot
) st ON true
