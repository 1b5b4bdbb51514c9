-- Operators log in with a token or with a client certificate of the service CA. Of the latter no secret is known
-- here: who is recorded by its fingerprint is the operator, nobody else.

CREATE TABLE certvendor.operator_certificate (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	-- NULL: every factory.
	factories text[],
	fingerprint bytea NOT NULL UNIQUE CHECK (octet_length(fingerprint) = 32),
	certificate bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- That of the certificate.
	expires_at timestamptz NOT NULL,
	revoked_at timestamptz
);

GRANT SELECT ON certvendor.operator_certificate TO certvendor_reader;
GRANT SELECT, INSERT, UPDATE ON certvendor.operator_certificate TO certvendor_service;

-- Certificates as operators are shown them.
CREATE VIEW certvendor.certificate_shown AS
SELECT c.factory, c.device, c.fingerprint, c.authority, c.not_after,
	certvendor.certificate_state(c.revoked_at, k.state) AS state,
	json_build_object('sha256', encode(c.fingerprint, 'hex'), 'serial', encode(c.serial, 'hex'),
		'device', c.device, 'factory', c.factory, 'slot', c.slot, 'key_id', encode(c.key_id, 'hex'),
		'authority', (SELECT a.name FROM certvendor.authority a WHERE a.id = c.authority),
		'state', certvendor.certificate_state(c.revoked_at, k.state),
		'reason', coalesce(c.revoked_reason, k.ended_reason), 'not_before', c.not_before,
		'not_after', c.not_after, 'recorded_at', c.recorded_at, 'revoked_at', c.revoked_at) AS object
FROM certvendor.certificate c
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id;

-- Those that are refused, or will be, until they end.
CREATE VIEW certvendor.denial_shown AS
SELECT c.factory, c.device, c.fingerprint,
	json_build_object('sha256', encode(c.fingerprint, 'hex'), 'serial', encode(c.serial, 'hex'),
		'device', c.device, 'factory', c.factory, 'slot', c.slot,
		'authority', (SELECT a.name FROM certvendor.authority a WHERE a.id = c.authority),
		'state', certvendor.certificate_state(c.revoked_at, k.state),
		'reason', coalesce(c.revoked_reason, k.ended_reason),
		'from', least(c.revoked_at, coalesce(k.talks_until, k.ended_at)), 'not_after', c.not_after) AS object
FROM certvendor.certificate c
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id
WHERE c.not_after > now() AND (c.revoked_at IS NOT NULL OR k.state IN ('retired', 'discarded', 'compromised'));

GRANT SELECT ON certvendor.certificate_shown, certvendor.denial_shown TO certvendor_service, certvendor_reader;
