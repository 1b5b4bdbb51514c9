-- As arrays: $1 fingerprint, $2 TBS digest, $3 SHA-1, $4 factory, $5 device, $6 slot, $7 key id, $8 authority, $9 ours,
-- $10 serial, $11 and $12 validity in seconds since 1970, $13 CSR digest, $14 DER, $15 label of the
-- request.
INSERT INTO certvendor.certificate (fingerprint, tbs_digest, sha1, factory, device, slot, key_id, authority,
	is_ours, serial, not_before, not_after, csr_digest, der, label)
SELECT w.fingerprint, w.tbs_digest, w.sha1, w.factory, w.device, w.slot, w.key_id, w.authority::uuid,
	w.is_ours, w.serial, to_timestamp(w.not_before), to_timestamp(w.not_after), w.csr_digest, w.der, w.label
FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[],
	$9::boolean[], $10::bytea[], $11::bigint[], $12::bigint[], $13::bytea[], $14::bytea[], $15::text[])
	AS w(fingerprint, tbs_digest, sha1, factory, device, slot, key_id, authority, is_ours, serial, not_before,
		not_after, csr_digest, der, label)
