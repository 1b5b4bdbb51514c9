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
