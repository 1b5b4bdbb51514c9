-- The end of the chain, how many rows wait to be chained, how many of these for more than a minute, and how many rows
-- would never be looked at: in front of the chain, or dated ahead of any clock that may have been before.
SELECT last, hash, waiting.count, waiting.late, waiting.ahead + (
	SELECT count(*) FROM certvendor.audit WHERE position < 1)
FROM certvendor.audit_chain, (
	SELECT count(*), count(*) FILTER (WHERE at < now() - interval '1 minute') AS late,
		count(*) FILTER (WHERE at > now() + interval '1 hour') AS ahead
	FROM certvendor.audit WHERE position IS NULL
) AS waiting
