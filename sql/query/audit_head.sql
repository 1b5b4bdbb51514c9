-- The end of the chain, how many rows wait to be chained, how many of these for more than a minute, and how many rows
-- stand where no chain comes to: in front of it, or not in it and dated more than an hour ahead or at no time at all.
SELECT last, hash, waiting.count, waiting.late, waiting.ahead + (
	SELECT count(*) FROM certvendor.audit WHERE position < 1)
FROM certvendor.audit_chain, (
	SELECT count(*), count(*) FILTER (WHERE isfinite(at) AND at < now() - interval '1 minute') AS late,
		count(*) FILTER (WHERE NOT isfinite(at) OR at > now() + interval '1 hour') AS ahead
	FROM certvendor.audit WHERE position IS NULL
) AS waiting
