-- $1 seconds. Drops deliveries that ended longer ago, and those of subscriptions that were removed; some at a time.
WITH ended AS (
	SELECT d.factory, d.device, d.number, d.subscription FROM certvendor.delivery d
	WHERE d.state <> 'pending' AND d.finished_at < now() - make_interval(secs => $1::double precision)
	LIMIT 1000 FOR UPDATE SKIP LOCKED
), orphaned AS (
	SELECT d.factory, d.device, d.number, d.subscription
	FROM certvendor.subscription s
	JOIN certvendor.delivery d ON d.subscription = s.id AND d.state = 'pending'
	WHERE s.removed_at IS NOT NULL
	LIMIT 1000 FOR UPDATE OF d SKIP LOCKED
), old AS (
	SELECT * FROM ended UNION ALL SELECT * FROM orphaned
)
DELETE FROM certvendor.delivery d USING old
WHERE d.factory = old.factory AND d.device = old.device AND d.number = old.number AND d.subscription = old.subscription
