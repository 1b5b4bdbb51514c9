-- $1 factories, $2 devices, $3 slots, $4 seconds since 1970, as arrays.
UPDATE certvendor.slot s SET last_seen_at = to_timestamp(v.seen)
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS v(factory, device, slot, seen)
WHERE s.factory = v.factory AND s.device = v.device AND s.name = v.slot
