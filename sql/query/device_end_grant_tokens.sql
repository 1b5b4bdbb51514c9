-- $1 factory, $2 device. A statement of its own behind device_end_grants.sql, which waits for who takes one.
DELETE FROM certvendor.operator_token WHERE device = $2 AND factories = ARRAY[$1]
