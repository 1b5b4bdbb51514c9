-- $1 factory, $2 device. A statement of its own: joined rows would be read before the lock was granted.
SELECT FROM certvendor.device WHERE factory = $1 AND id = $2 FOR UPDATE
