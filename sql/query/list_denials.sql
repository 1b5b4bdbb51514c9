-- $1 factory, $2 after this fingerprint in hex or NULL, $3 limit, $4 NULL. Result: key, JSON object.
SELECT encode(c.fingerprint, 'hex'), c.object::text
FROM certvendor.denial_shown c
WHERE c.factory = $1 AND c.fingerprint > decode(coalesce($2, ''), 'hex') AND $4::text IS NULL
ORDER BY c.fingerprint LIMIT $3::integer
