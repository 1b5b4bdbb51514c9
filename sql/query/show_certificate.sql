-- $1 factory, $2 NULL, $3 limit, $4 fingerprint in hex. Result: key, JSON object.
SELECT $4, c.object::text
FROM certvendor.certificate_shown c
WHERE c.factory = $1 AND c.fingerprint = decode($4, 'hex') AND $2::text IS NULL LIMIT $3::integer
