-- $1 token, $2 device, $3 key that it gives a certificate. The order is that of the token's lock, which a transaction
-- may have waited for.
INSERT INTO certvendor.enrolment_token_use (token, device, key_id, used_at)
VALUES ($1::uuid, $2, $3, clock_timestamp())
ON CONFLICT (token, device, key_id) DO UPDATE SET used_at = excluded.used_at
