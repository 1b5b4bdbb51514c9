-- As arrays: $1 factory, $2 device, $3 slot or '' for every slot. Result as status_load, slot by slot.
SELECT c.*
FROM unnest($1::text[], $2::text[], $3::text[]) AS w(factory, device, slot)
JOIN certvendor.certificate_status c ON c.factory = w.factory AND c.device = w.device
	AND (w.slot = '' OR c.slot = w.slot)
ORDER BY c.factory, c.device, c.slot
