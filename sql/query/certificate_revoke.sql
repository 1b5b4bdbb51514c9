-- $1 factory, $2 device, $3 fingerprint, $4 reason. The same TBSCertificate is the same certificate.
UPDATE certvendor.certificate SET revoked_at = now(), revoked_reason = $4
WHERE factory = $1 AND device = $2 AND tbs_digest = (SELECT tbs_digest FROM certvendor.certificate
		WHERE factory = $1 AND device = $2 AND fingerprint = $3)
	AND revoked_at IS NULL
