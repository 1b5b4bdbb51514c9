-- $1 factory, $2 device. Result: files of the device layer.
SELECT files FROM certvendor.device_configuration
WHERE factory = $1 AND device = $2 ORDER BY version DESC LIMIT 1
