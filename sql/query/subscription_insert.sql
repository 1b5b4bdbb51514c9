-- $1 label, $2 factory, $3 id, $4 kind, $5 URL, $6 events, comma separated, or NULL: all, $7 sealed secret or NULL, $8 actor.
-- Each costs a row for each event: nothing when the factory has fifty.
INSERT INTO certvendor.subscription (label, factory, id, kind, url, events, secret, created_by)
SELECT $1, $2, $3::uuid, $4, $5, string_to_array($6, ','), $7::bytea, $8
WHERE (SELECT count(*) FROM certvendor.subscription WHERE factory = $2 AND removed_at IS NULL) < 50
