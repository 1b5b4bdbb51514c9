SELECT name, is_default, first_contact = 'register', announce = 'implied', retire_after_days, lifetime_days,
	(extract(epoch FROM created_at) * 1000000)::bigint
FROM certvendor.factory ORDER BY name
