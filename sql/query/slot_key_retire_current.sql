-- $1 factory, $2 device, $3 slot, $4 key that takes over, $5 days of grace.
UPDATE certvendor.slot_key
SET state = 'retired', ended_at = now(), ended_reason = 'superseded',
	talks_until = CASE WHEN $5::integer > 0 THEN now() + make_interval(days => $5::integer) END
WHERE factory = $1 AND device = $2 AND slot = $3 AND state = 'current' AND key_id <> $4
