-- $1 id. Under the lock of the device. Result: one row when it was good for a certificate, and is no longer.
UPDATE certvendor.approval SET used_at = now()
WHERE id = $1::uuid AND state = 'approved' AND used_at IS NULL AND expires_at > now()
RETURNING 1
