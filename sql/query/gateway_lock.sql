-- $1 name.
SELECT FROM certvendor.gateway WHERE name = $1 AND removed_at IS NULL FOR UPDATE
