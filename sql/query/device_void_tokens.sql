-- $1 factory, $2 device. As of now, under the lock of the device: the transaction may have begun long before it.
UPDATE certvendor.device SET tokens_void_before = clock_timestamp() WHERE factory = $1 AND id = $2
