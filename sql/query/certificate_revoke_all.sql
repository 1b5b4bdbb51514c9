-- $1 factory, $2 device, $3 reason. Every certificate that the device has.
UPDATE certvendor.certificate SET revoked_at = now(), revoked_reason = $3
WHERE factory = $1 AND device = $2 AND revoked_at IS NULL
