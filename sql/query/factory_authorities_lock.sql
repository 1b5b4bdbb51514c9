-- $1 factory. In one order, so that nobody waits for each other.
SELECT FROM certvendor.authority WHERE factory = $1 ORDER BY id FOR UPDATE
