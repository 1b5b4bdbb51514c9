-- $1 fingerprint, $2 TBS digest, $3 SHA-1, $4 factory, $5 device, $6 slot, $7 key id, $8 authority, $9 ours,
-- $10 serial, $11 and $12 validity in seconds since 1970, $13 CSR digest, $14 DER.
INSERT INTO certvendor.certificate (fingerprint, tbs_digest, sha1, factory, device, slot, key_id, authority,
	is_ours, serial, not_before, not_after, csr_digest, der)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::uuid, $9::boolean, $10, to_timestamp($11::double precision),
	to_timestamp($12::double precision), $13, $14)
