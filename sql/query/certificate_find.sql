-- $1 SHA-256 of the DER or NULL, $2 SHA-256 of the TBSCertificate or NULL. Result: party, digests, key, authority, validity,
-- SHA-1, serial number.
SELECT factory, device, slot, fingerprint, tbs_digest, key_id, authority::text,
	extract(epoch FROM not_before)::bigint, extract(epoch FROM not_after)::bigint,
	sha1, serial
FROM certvendor.certificate
WHERE fingerprint = $1 OR tbs_digest = $2
ORDER BY fingerprint = $1 DESC
LIMIT 1
