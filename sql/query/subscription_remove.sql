-- $1 label, $2 factory. Nobody needs the secret after that.
UPDATE certvendor.subscription SET removed_at = now(), secret = CASE WHEN kind = 'webhook' THEN ''::bytea END
WHERE label = $1 AND factory = $2 AND removed_at IS NULL
