-- $1 factory, $2 device.
UPDATE certvendor.device SET first_seen_at = coalesce(first_seen_at, now()), cleared_at = NULL
WHERE factory = $1 AND id = $2 AND (first_seen_at IS NULL OR cleared_at IS NOT NULL)
