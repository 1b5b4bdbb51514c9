-- As list_denials, but $4 device, found by the primary key. Result: key, JSON object.
SELECT encode(c.fingerprint, 'hex'), c.object::text
FROM certvendor.denial_shown c
WHERE c.factory = $1 AND c.device = $4 AND c.fingerprint > decode(coalesce($2, ''), 'hex')
ORDER BY c.fingerprint LIMIT $3::integer
