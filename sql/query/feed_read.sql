-- $1 position, $2 limit. The slots that changed, and their versions now: numbered rows after the position, and rows
-- not yet numbered. The first four columns are bookkeeping, on every row: highest position, number of rows of each
-- kind, and up to where rows are gone.
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
	SELECT s.factory, s.device, s.name, s.version
	FROM changed c JOIN certvendor.slot s ON s.factory = c.factory AND s.device = c.device AND s.name = c.slot
) st ON true
