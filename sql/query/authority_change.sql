-- $1 name, $2 factory, $3 state. A revoked authority is listed again only by making it trusted.
UPDATE certvendor.authority SET state = $3::certvendor.authority_state
WHERE name = $1 AND factory = $2 AND NOT (state = 'revoked' AND $3 = 'disabled')
