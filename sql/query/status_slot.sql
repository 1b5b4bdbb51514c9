-- $1 factory, $2 device, $3 slot or '' for every slot. Result as status_load, slot by slot.
SELECT * FROM certvendor.certificate_status
WHERE factory = $1 AND device = $2 AND ($3 = '' OR slot = $3)
ORDER BY slot
