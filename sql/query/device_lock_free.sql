-- $1 factory, $2 device. The device's lock, if nobody has it. No row: somebody has.
SELECT FROM certvendor.device WHERE factory = $1 AND id = $2 FOR UPDATE SKIP LOCKED
