-- $1 id, $2 state.
UPDATE certvendor.authority SET state = $2::certvendor.authority_state WHERE id = $1::uuid
