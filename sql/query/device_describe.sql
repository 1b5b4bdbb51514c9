-- $1 factory, $2 device, $3 hardware id, $4 is it in production; NULL: as it was.
UPDATE certvendor.device SET hardware_id = coalesce($3, hardware_id), is_production = coalesce($4::boolean, is_production)
WHERE factory = $1 AND id = $2
