-- $1 label, $2 factory.
SELECT FROM certvendor.subscription WHERE label = $1 AND factory = $2 AND removed_at IS NULL FOR UPDATE
