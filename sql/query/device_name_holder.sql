-- $1 factory, $2 name, $3 device. Result: a row when another device has that name or id.
SELECT FROM certvendor.device_name WHERE factory = $1 AND name = $2 AND NOT is_released AND device <> $3
UNION ALL
SELECT FROM certvendor.device WHERE factory = $1 AND id = $2 AND id <> $3
