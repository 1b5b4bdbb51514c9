-- $1 authority. Result: state.
SELECT state::text FROM certvendor.authority WHERE id = $1::uuid FOR SHARE
