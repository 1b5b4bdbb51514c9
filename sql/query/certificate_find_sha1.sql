-- $1 SHA-1 of the DER. Result: SHA-256, of two certificates at most.
SELECT fingerprint FROM certvendor.certificate WHERE sha1 = $1 LIMIT 2
