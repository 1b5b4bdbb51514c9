-- $1 token, $2 device.
INSERT INTO certvendor.enrolment_token_use (token, device)
VALUES ($1::uuid, $2)
ON CONFLICT DO NOTHING
