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
	SELECT c.* FROM certvendor.certificate_status c JOIN changed USING (factory, device, slot)
	ORDER BY c.factory, c.device, c.slot
) st ON true
