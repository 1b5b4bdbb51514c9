-- $1 authorities, $2 serial number, of what we issued. Result: SHA-256, of two certificates at most.
SELECT fingerprint FROM certvendor.certificate
WHERE is_ours AND authority = ANY ($1::uuid[]) AND serial = $2
LIMIT 2
