-- The PKI of a factory as its operators upload it, and the keys that are made for it over the API. Instances
-- are stateless, so the keys live here, sealed under the passphrase that every instance's signer has.

-- When a successor signs in its place. NULL: as the rules say without.
ALTER TABLE certvendor.authority ADD COLUMN signs_from timestamptz;
ALTER TABLE certvendor.authority ADD COLUMN signs_until timestamptz;

-- The texts as they were uploaded. A factory whose PKI was made by init has no row.
CREATE TABLE certvendor.factory_pki (
	factory text PRIMARY KEY REFERENCES certvendor.factory (name),
	root_crt text,
	-- Every device CA in its order; whoever reads leaves the revoked ones out.
	ca_crt text,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now(),
	updated_by text NOT NULL
);

CREATE TABLE certvendor.factory_key (
	id uuid PRIMARY KEY,
	factory text NOT NULL REFERENCES certvendor.factory (name),
	purpose text NOT NULL CHECK (purpose IN ('online', 'tls', 'est-tls')),
	-- Pending until a certificate for it is uploaded; retired when another took its place.
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'active', 'retired')),
	key_id bytea NOT NULL UNIQUE CHECK (octet_length(key_id) = 32),
	-- Names that its certificate must have, comma separated; '': none.
	names text NOT NULL,
	csr text NOT NULL,
	-- As it was uploaded.
	certificate text CHECK ((certificate IS NULL) = (state = 'pending')),
	-- Encrypted PKCS#8, never anything else. That of a retired server key is forgotten.
	private_key text CHECK (private_key LIKE '-----BEGIN ENCRYPTED PRIVATE KEY-----%'),
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL,
	activated_at timestamptz,
	CHECK (private_key IS NOT NULL OR (state = 'retired' AND purpose <> 'online'))
);
CREATE UNIQUE INDEX factory_key_one_pending ON certvendor.factory_key (factory, purpose) WHERE state = 'pending';
CREATE UNIQUE INDEX factory_key_one_active ON certvendor.factory_key (factory, purpose) WHERE state = 'active';

CREATE TRIGGER factory_key_raises_realm AFTER INSERT OR UPDATE OR DELETE ON certvendor.factory_key
	FOR EACH STATEMENT EXECUTE FUNCTION certvendor.raise_realm_version();

GRANT SELECT, INSERT, UPDATE ON certvendor.factory_pki TO certvendor_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON certvendor.factory_key TO certvendor_service;
GRANT SELECT ON certvendor.factory_pki TO certvendor_reader;
GRANT SELECT (id, factory, purpose, state, key_id, names, csr, certificate, created_at, created_by, activated_at)
	ON certvendor.factory_key TO certvendor_reader;
