-- $1 seconds for which expired certificates stay. Every certificate as the index needs it, slot by slot.
SELECT * FROM certvendor.certificate_status
WHERE not_after > extract(epoch FROM now()) - $1::bigint
ORDER BY factory, device, slot
