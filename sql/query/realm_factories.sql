SELECT name, is_default, first_contact = 'register', announce = 'implied', retire_after_days, lifetime_days
FROM certvendor.factory ORDER BY name
