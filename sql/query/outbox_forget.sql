-- $1 seconds. Drops older events that nobody is to be told of any more; some at a time.
DELETE FROM certvendor.outbox o USING (
	SELECT p.factory, p.device, p.number FROM certvendor.outbox p
	WHERE p.at < now() - make_interval(secs => $1::double precision)
		AND NOT EXISTS (SELECT FROM certvendor.delivery d WHERE d.factory = p.factory AND d.device = p.device
			AND d.number = p.number)
	LIMIT 1000 FOR UPDATE SKIP LOCKED) old
WHERE o.factory = old.factory AND o.device = old.device AND o.number = old.number
