-- $1 factory, $2 device, $3 slot or NULL for every slot.
UPDATE certvendor.slot_key SET talks_until = NULL
WHERE factory = $1 AND device = $2 AND ($3::text IS NULL OR slot = $3) AND talks_until IS NOT NULL
