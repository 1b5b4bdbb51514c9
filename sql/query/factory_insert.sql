-- $1 name, $2 default, $3 registers first contact, $4 announce implied, $5 days of grace, $6 lifetime in days.
INSERT INTO certvendor.factory (name, is_default, first_contact, announce, retire_after_days, lifetime_days)
VALUES ($1, $2::boolean, CASE WHEN $3::boolean THEN 'register' ELSE 'refuse' END,
	CASE WHEN $4::boolean THEN 'implied' ELSE 'explicit' END, $5::integer, $6::integer)
