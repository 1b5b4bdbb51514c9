-- $1 factory, $2 name, $3 state. One row affected when it changed: a revoked authority is listed again only by
-- making it trusted.
UPDATE certvendor.authority SET state = $3::certvendor.authority_state
WHERE factory = $1 AND name = $2 AND state <> $3::certvendor.authority_state
	AND NOT (state = 'revoked' AND $3::certvendor.authority_state = 'disabled')
