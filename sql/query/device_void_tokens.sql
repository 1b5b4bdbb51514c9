-- $1 factory, $2 device.
UPDATE certvendor.device SET tokens_void_before = now() WHERE factory = $1 AND id = $2
