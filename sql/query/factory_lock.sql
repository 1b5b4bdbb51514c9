-- $1 name.
SELECT FROM certvendor.factory WHERE name = $1 FOR UPDATE
