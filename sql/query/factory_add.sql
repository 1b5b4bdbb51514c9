-- $1 name, $2 announce, $3 first contact, $4 days of grace, $5 lifetime in days; NULL: the default.
INSERT INTO certvendor.factory (name, announce, first_contact, retire_after_days, lifetime_days)
VALUES ($1, coalesce($2, 'explicit'), coalesce($3, 'register'), coalesce($4::integer, 0), coalesce($5::integer, 365))
