-- $1 name, $2 announce, $3 first contact, $4 days of grace, $5 lifetime in days; NULL: as it was.
UPDATE certvendor.factory SET announce = coalesce($2, announce), first_contact = coalesce($3, first_contact),
	retire_after_days = coalesce($4::integer, retire_after_days),
	lifetime_days = coalesce($5::integer, lifetime_days)
WHERE name = $1
