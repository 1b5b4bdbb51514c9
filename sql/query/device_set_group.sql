-- $1 factory, $2 device, $3 group or NULL.
UPDATE certvendor.device SET group_name = $3 WHERE factory = $1 AND id = $2
