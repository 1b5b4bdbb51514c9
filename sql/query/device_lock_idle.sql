-- As arrays: $1 factory, $2 device. Locks those that exist and that nobody else holds. Result: their places, from 1.
SELECT w.n
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(factory, device, n)
JOIN certvendor.device d ON d.factory = w.factory AND d.id = w.device
FOR UPDATE OF d SKIP LOCKED
