-- $1 name. Whoever only refers to the factory does not wait.
SELECT FROM certvendor.factory WHERE name = $1 FOR NO KEY UPDATE
