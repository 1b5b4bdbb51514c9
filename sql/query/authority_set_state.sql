-- $1 factory, $2 name, $3 state. One row affected when it exists.
UPDATE certvendor.authority SET state = $3::certvendor.authority_state WHERE factory = $1 AND name = $2
