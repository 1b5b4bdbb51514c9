-- $1 token, $2 device, $3 key that it gives a certificate.
INSERT INTO certvendor.enrolment_token_use (token, device, key_id)
VALUES ($1::uuid, $2, $3)
ON CONFLICT (token, device) DO UPDATE SET key_id = excluded.key_id
