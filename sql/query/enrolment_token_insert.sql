-- $1 id, $2 factory, $3 hash, $4 device or NULL, $5 uses, $6 seconds to live, $7 actor, $8 label or
-- NULL.
INSERT INTO certvendor.enrolment_token (id, factory, hash, device, uses_max, expires_at, created_by, label)
VALUES ($1::uuid, $2, $3, $4, $5::integer, now() + make_interval(secs => $6::double precision), $7, $8)
