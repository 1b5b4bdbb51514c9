-- As arrays: $1 factory, $2 device, $3 slot, $4 seconds since 1970. In one order, as change_finish: no deadlocks.
UPDATE certvendor.slot s SET last_seen_at = greatest(s.last_seen_at, to_timestamp(w.seen))
FROM (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS u(factory, device, slot, seen)
	ORDER BY factory COLLATE "C", device COLLATE "C", slot COLLATE "C") w
WHERE s.factory = w.factory AND s.device = w.device AND s.name = w.slot
