-- As list_certificates, but $4 device: a statement of its own, so that it goes by the primary key and never through
-- the fleet. Result: key, JSON object.
SELECT encode(c.fingerprint, 'hex'), c.object::text
FROM certvendor.certificate_shown c
WHERE c.factory = $1 AND c.device = $4 AND c.fingerprint > decode(coalesce($2, ''), 'hex')
	AND ($5::text IS NULL OR c.state = $5)
	AND ($6::text IS NULL OR c.authority = (SELECT a.id FROM certvendor.authority a
		WHERE a.factory = $1 AND a.name = $6))
	AND ($7::text IS NULL OR c.not_after < $7::timestamptz)
ORDER BY c.fingerprint LIMIT $3::integer
