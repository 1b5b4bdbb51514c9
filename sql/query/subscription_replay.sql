-- $1 label, $2 factory. What was given up is tried again from the beginning.
WITH wanted AS (
	SELECT id FROM certvendor.subscription WHERE label = $1 AND factory = $2 AND removed_at IS NULL
), again AS (
	UPDATE certvendor.delivery d SET state = 'pending', attempts = 0, next_at = now(), finished_at = NULL
	FROM wanted w WHERE d.subscription = w.id AND d.state = 'dead'
)
UPDATE certvendor.subscription s SET label = s.label FROM wanted w WHERE s.id = w.id
