-- $1 id, $2 seconds from now.
UPDATE certvendor.authority SET signs_from = now() + make_interval(secs => $2::double precision) WHERE id = $1::uuid
