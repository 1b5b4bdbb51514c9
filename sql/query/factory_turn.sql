-- $1 name. Whoever adds to the factory what counts with what is there, one after the other. Devices do not wait for it.
SELECT FROM certvendor.factory WHERE name = $1 FOR NO KEY UPDATE
