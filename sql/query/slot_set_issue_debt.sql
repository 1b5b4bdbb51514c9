-- $1 factory, $2 device, $3 slot, $4 seconds since 1970.
UPDATE certvendor.slot SET issue_debt_until = to_timestamp($4::double precision)
WHERE factory = $1 AND device = $2 AND name = $3
