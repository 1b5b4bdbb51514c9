-- The end of the chain, how many rows wait to be chained, and how many of these for more than a minute.
SELECT last, hash, waiting.count, waiting.late
FROM certvendor.audit_chain, (
	SELECT count(*), count(*) FILTER (WHERE at < now() - interval '1 minute') AS late
	FROM certvendor.audit WHERE position IS NULL
) AS waiting
