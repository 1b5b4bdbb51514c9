-- $1 id, $2 seconds from now. One that has ended stays so.
UPDATE certvendor.authority
SET signs_until = least(signs_until, now() + make_interval(secs => $2::double precision)) WHERE id = $1::uuid
