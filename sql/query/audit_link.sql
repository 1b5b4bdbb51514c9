-- $1 ids, $2 positions, $3 hashes in hex, as arrays; $4 the last position, $5 its hash.
WITH linked AS (
	UPDATE certvendor.audit a SET position = v.position, hash = decode(v.hash, 'hex')
	FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS v(id, position, hash)
	WHERE a.id = v.id
	RETURNING a.position
)
UPDATE certvendor.audit_chain SET last = $4::bigint, hash = $5
WHERE (SELECT count(*) FROM linked) = cardinality($1::uuid[])
RETURNING last
