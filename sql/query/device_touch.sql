-- $1 factory, $2 device, $3 who.
UPDATE certvendor.device SET changed_at = now(), changed_by = $3 WHERE factory = $1 AND id = $2
