-- $1 limit. Numbers the rows that are visible now. A row that commits later is numbered later: no gap is skipped.
WITH due AS (
	SELECT factory, device, slot, version, row_number() OVER (ORDER BY at, factory, device, slot, version) AS n
	FROM certvendor.change WHERE position IS NULL ORDER BY at LIMIT $1::integer
), moved AS (
	UPDATE certvendor.change c SET position = (SELECT last FROM certvendor.feed) + due.n
	FROM due
	WHERE c.factory = due.factory AND c.device = due.device AND c.slot = due.slot AND c.version = due.version
	RETURNING c.position
)
UPDATE certvendor.feed SET last = last + (SELECT count(*) FROM moved)
WHERE EXISTS (SELECT FROM moved)
RETURNING (SELECT count(*) FROM moved)
