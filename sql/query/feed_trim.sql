-- $1 seconds. Drops old numbered rows; readers that need them load everything anew.
WITH gone AS (
	DELETE FROM certvendor.change
	WHERE position IS NOT NULL AND at < now() - make_interval(secs => $1::double precision)
	RETURNING position
)
UPDATE certvendor.feed SET trimmed = greatest(trimmed, (SELECT coalesce(max(position), 0) FROM gone))
WHERE EXISTS (SELECT FROM gone)
