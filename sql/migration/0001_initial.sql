-- The first schema. Every name is schema-qualified; ids are made by the program (UUIDv7), and no foreign
-- key or transaction crosses devices, so that tables can be spread by (factory, device).

CREATE SCHEMA certvendor;

CREATE TYPE certvendor.authority_kind AS ENUM ('root', 'online', 'offline', 'bootstrap');
CREATE TYPE certvendor.authority_state AS ENUM ('trusted', 'disabled', 'revoked');
CREATE TYPE certvendor.device_state AS ENUM ('ok', 'held', 'deleted', 'revoked');
CREATE TYPE certvendor.key_state AS ENUM
	('asked', 'announced', 'current', 'retired', 'discarded', 'compromised');

-- Applied migrations: the schema's version is the highest number.
CREATE TABLE certvendor.schema_migration (
	version integer PRIMARY KEY,
	name text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now()
);

-- Realm: what every instance keeps in memory whole. Any change raises the version.
CREATE TABLE certvendor.realm (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	version bigint NOT NULL DEFAULT 1
);
INSERT INTO certvendor.realm DEFAULT VALUES;

CREATE FUNCTION certvendor.raise_realm_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
	UPDATE certvendor.realm SET version = version + 1;
	RETURN NULL;
END
$$;

CREATE TABLE certvendor.factory (
	name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
	is_default boolean NOT NULL DEFAULT false,
	-- An unknown device with a certificate of an offline authority: register it, or refuse.
	first_contact text NOT NULL DEFAULT 'register' CHECK (first_contact IN ('register', 'refuse')),
	-- What announces the next key: PATCH /device, or already the re-enrolment.
	announce text NOT NULL DEFAULT 'explicit' CHECK (announce IN ('explicit', 'implied')),
	-- Days for which a replaced key may still talk; 0: none.
	retire_after_days integer NOT NULL DEFAULT 0 CHECK (retire_after_days BETWEEN 0 AND 90),
	lifetime_days integer NOT NULL DEFAULT 365 CHECK (lifetime_days BETWEEN 1 AND 7300),
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX factory_one_default ON certvendor.factory (is_default) WHERE is_default;

CREATE TABLE certvendor.authority (
	id uuid PRIMARY KEY,
	factory text NOT NULL REFERENCES certvendor.factory (name),
	kind certvendor.authority_kind NOT NULL,
	state certvendor.authority_state NOT NULL DEFAULT 'trusted',
	name text NOT NULL,
	-- Owner given to devices that are first met under this authority.
	owner text,
	fingerprint bytea NOT NULL UNIQUE CHECK (octet_length(fingerprint) = 32),
	certificate bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (factory, name)
);

CREATE TABLE certvendor.gateway (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	-- NULL: gateway of every factory.
	factories text[],
	-- Where it puts the certificate of its client; no other header of it is read.
	sources text[] NOT NULL CHECK (cardinality(sources) > 0),
	may_activate boolean NOT NULL DEFAULT true,
	fingerprint bytea NOT NULL UNIQUE CHECK (octet_length(fingerprint) = 32),
	certificate bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	removed_at timestamptz
);
CREATE UNIQUE INDEX gateway_name ON certvendor.gateway (name) WHERE removed_at IS NULL;

CREATE TRIGGER factory_raises_realm AFTER INSERT OR UPDATE OR DELETE ON certvendor.factory
	FOR EACH STATEMENT EXECUTE FUNCTION certvendor.raise_realm_version();
CREATE TRIGGER authority_raises_realm AFTER INSERT OR UPDATE OR DELETE ON certvendor.authority
	FOR EACH STATEMENT EXECUTE FUNCTION certvendor.raise_realm_version();
CREATE TRIGGER gateway_raises_realm AFTER INSERT OR UPDATE OR DELETE ON certvendor.gateway
	FOR EACH STATEMENT EXECUTE FUNCTION certvendor.raise_realm_version();

CREATE TABLE certvendor.operator_token (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
	role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	-- NULL: every factory.
	factories text[],
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	revoked_at timestamptz
);

CREATE TABLE certvendor.enrolment_token (
	id uuid PRIMARY KEY,
	factory text NOT NULL REFERENCES certvendor.factory (name),
	hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
	-- Made for this very id; NULL: for any id that is not registered.
	device text CHECK (device ~ '^[A-Za-z0-9._:-]{1,64}$'),
	uses_max integer NOT NULL CHECK (uses_max BETWEEN 1 AND 1000000),
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	-- Revoking also brings expires_at forward, which alone decides.
	revoked_at timestamptz
);

-- A use is one device, not one request.
CREATE TABLE certvendor.enrolment_token_use (
	token uuid NOT NULL,
	device text NOT NULL,
	-- The newest key that the token gave a certificate: once that was seen, the token is used up.
	key_id bytea NOT NULL CHECK (octet_length(key_id) = 32),
	used_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (token, device)
);

-- Devices that share a policy; a device is in one group at most.
CREATE TABLE certvendor.device_group (
	factory text NOT NULL REFERENCES certvendor.factory (name),
	name text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
	-- What announces the next key of its devices; NULL: what the factory says.
	announce text CHECK (announce IN ('explicit', 'implied')),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (factory, name)
);

-- Enrolments that an operator has to approve, and what was decided. The same request by the same identity is
-- the same row.
CREATE TABLE certvendor.approval (
	id uuid PRIMARY KEY,
	factory text NOT NULL REFERENCES certvendor.factory (name),
	-- Of EST; '': none.
	label text NOT NULL,
	-- By which credentials: 'device', 'token:<id>', 'bootstrap:<authority>'.
	identity text NOT NULL,
	device text NOT NULL,
	csr_digest bytea NOT NULL CHECK (octet_length(csr_digest) = 32),
	csr bytea NOT NULL,
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'refused')),
	asked_at timestamptz NOT NULL DEFAULT now(),
	decided_at timestamptz,
	decided_by text,
	-- Forgotten then, whatever its state.
	expires_at timestamptz NOT NULL,
	UNIQUE (factory, label, identity, csr_digest)
);

CREATE TABLE certvendor.device (
	factory text NOT NULL,
	id text NOT NULL CHECK (id ~ '^[A-Za-z0-9._:-]{1,64}$'),
	state certvendor.device_state NOT NULL DEFAULT 'ok',
	state_reason text,
	owner text,
	group_name text,
	-- Authority under which the device was first met.
	origin uuid,
	-- Token that registered it; it may ask again until the device was seen.
	registered_by uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- Enrolment tokens made before it are void: the device or its key was revoked then.
	tokens_void_before timestamptz,
	-- First authenticated sight; written exactly, unlike slot.last_seen_at.
	first_seen_at timestamptz,
	PRIMARY KEY (factory, id)
);
CREATE INDEX device_of_group ON certvendor.device (factory, group_name, id) WHERE group_name IS NOT NULL;

CREATE TABLE certvendor.slot (
	factory text NOT NULL,
	device text NOT NULL,
	name text NOT NULL,
	-- One more with every change of a rule's state; readers never go back.
	version bigint NOT NULL DEFAULT 0,
	-- Since when the device's own configuration is locked: the first announcement of this rotation.
	locked_since timestamptz,
	activated_at timestamptz,
	-- Rate limit: when the allowance will be whole again (a leaky bucket in one column).
	issue_debt_until timestamptz NOT NULL DEFAULT now(),
	-- Collected in memory and written in batches.
	last_seen_at timestamptz,
	PRIMARY KEY (factory, device, name)
);

CREATE FUNCTION certvendor.check_slot_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	IF NEW.version NOT IN (OLD.version, OLD.version + 1) THEN
		RAISE EXCEPTION 'slot version must rise by one' USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER slot_version BEFORE UPDATE OF version ON certvendor.slot
	FOR EACH ROW EXECUTE FUNCTION certvendor.check_slot_version();

-- Every key that (device, slot) ever asked for, announced or used.
CREATE TABLE certvendor.slot_key (
	factory text NOT NULL,
	device text NOT NULL,
	slot text NOT NULL,
	key_id bytea NOT NULL CHECK (octet_length(key_id) = 32),
	state certvendor.key_state NOT NULL,
	-- The current key at the time the key was asked for or announced; NULL: registration.
	asked_by bytea,
	-- Canonical SubjectPublicKeyInfo.
	spki bytea NOT NULL,
	-- Slot version at which its first certificate of ours was issued: the order of issue.
	first_issued_version bigint,
	announced_at timestamptz,
	ended_at timestamptz,
	ended_reason text,
	-- A retired key may talk until then; NULL: no longer.
	talks_until timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (factory, device, slot, key_id),
	CHECK (talks_until IS NULL OR state = 'retired'),
	CHECK ((ended_at IS NOT NULL) = (state IN ('retired', 'discarded', 'compromised')))
);
CREATE UNIQUE INDEX slot_key_one_current ON certvendor.slot_key (factory, device, slot)
	WHERE state = 'current';
CREATE UNIQUE INDEX slot_key_one_grace ON certvendor.slot_key (factory, device, slot)
	WHERE talks_until IS NOT NULL;
CREATE INDEX slot_key_open ON certvendor.slot_key (factory, device, slot)
	WHERE state IN ('asked', 'announced', 'current');

-- What ended never comes back; what waits was named over the current key; the newest 8 wait.
CREATE FUNCTION certvendor.check_slot_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND OLD.state IN ('retired', 'discarded', 'compromised')
		AND NEW.state <> OLD.state AND NEW.state <> 'compromised' THEN
		RAISE EXCEPTION 'a key that ended does not come back' USING ERRCODE = 'check_violation';
	END IF;
	IF NEW.state = 'announced' THEN
		IF NOT EXISTS (SELECT FROM certvendor.slot_key k
			WHERE k.factory = NEW.factory AND k.device = NEW.device AND k.slot = NEW.slot
				AND k.state = 'current' AND k.key_id = NEW.asked_by) THEN
			RAISE EXCEPTION 'a key is announced by the current key'
				USING ERRCODE = 'check_violation';
		END IF;
		IF (SELECT count(*) FROM certvendor.slot_key k
			WHERE k.factory = NEW.factory AND k.device = NEW.device AND k.slot = NEW.slot
				AND k.state = 'announced' AND k.key_id <> NEW.key_id) >= 8 THEN
			RAISE EXCEPTION 'more than 8 keys announced' USING ERRCODE = 'check_violation';
		END IF;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER slot_key_rules BEFORE INSERT OR UPDATE OF state ON certvendor.slot_key
	FOR EACH ROW EXECUTE FUNCTION certvendor.check_slot_key();

-- A key belongs to the device that proved it, within the factory.
CREATE TABLE certvendor.key_claim (
	factory text NOT NULL,
	key_id bytea NOT NULL CHECK (octet_length(key_id) = 32),
	device text NOT NULL,
	claimed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (factory, key_id)
);

CREATE TABLE certvendor.certificate (
	fingerprint bytea NOT NULL UNIQUE CHECK (octet_length(fingerprint) = 32),
	-- The same TBSCertificate under another signature value is the same certificate.
	tbs_digest bytea NOT NULL CHECK (octet_length(tbs_digest) = 32),
	sha1 bytea NOT NULL CHECK (octet_length(sha1) = 20),
	factory text NOT NULL,
	device text NOT NULL,
	slot text NOT NULL,
	key_id bytea NOT NULL CHECK (octet_length(key_id) = 32),
	authority uuid NOT NULL,
	is_ours boolean NOT NULL,
	serial bytea NOT NULL CHECK (octet_length(serial) BETWEEN 1 AND 21),
	not_before timestamptz NOT NULL,
	not_after timestamptz NOT NULL CHECK (not_after > not_before),
	-- SHA-256 of the request that it answers: the same request gets the same certificate.
	csr_digest bytea,
	-- The certificate itself is denied, whatever its key.
	revoked_at timestamptz,
	revoked_reason text,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	der bytea NOT NULL,
	PRIMARY KEY (factory, device, fingerprint),
	CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE UNIQUE INDEX certificate_serial_ours ON certvendor.certificate (authority, serial) WHERE is_ours;
CREATE INDEX certificate_tbs ON certvendor.certificate (tbs_digest);
CREATE INDEX certificate_sha1 ON certvendor.certificate (sha1);
-- A device has few certificates: everything asked per device is found through the primary key.

-- The change feed. One row per change of a slot, numbered afterwards by one sequencer at a time, because
-- identity order is not commit order.
CREATE TABLE certvendor.change (
	factory text NOT NULL,
	device text NOT NULL,
	slot text NOT NULL,
	version bigint NOT NULL,
	position bigint,
	kind text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (factory, device, slot, version)
);
CREATE UNIQUE INDEX change_position ON certvendor.change (position) WHERE position IS NOT NULL;
CREATE INDEX change_unnumbered ON certvendor.change (at) WHERE position IS NULL;

CREATE TABLE certvendor.feed (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	last bigint NOT NULL DEFAULT 0,
	-- Rows up to here are gone: a reader that is older loads everything anew.
	trimmed bigint NOT NULL DEFAULT 0
);
INSERT INTO certvendor.feed DEFAULT VALUES;

CREATE TABLE certvendor.audit (
	id uuid PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT now(),
	actor text NOT NULL,
	action text NOT NULL,
	factory text,
	device text,
	slot text,
	reason text,
	request_id text,
	before jsonb,
	after jsonb,
	-- Given afterwards, once, by one chainer at a time: the place in the chain and the hash over this row and
	-- all before it.
	position bigint,
	hash bytea CHECK (octet_length(hash) = 32),
	CHECK ((position IS NULL) = (hash IS NULL))
);
CREATE UNIQUE INDEX audit_position ON certvendor.audit (position) WHERE position IS NOT NULL;
CREATE INDEX audit_unchained ON certvendor.audit (at, id) WHERE position IS NULL;
CREATE INDEX audit_device ON certvendor.audit (factory, device, at);

CREATE FUNCTION certvendor.refuse_change_of_audit() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_append_only BEFORE DELETE OR TRUNCATE ON certvendor.audit
	FOR EACH STATEMENT EXECUTE FUNCTION certvendor.refuse_change_of_audit();
CREATE TRIGGER audit_chained_once BEFORE UPDATE ON certvendor.audit FOR EACH ROW
	WHEN (OLD.position IS NOT NULL OR NEW.position IS NULL OR (OLD.id, OLD.at, OLD.actor, OLD.action, OLD.factory,
		OLD.device, OLD.slot, OLD.reason, OLD.request_id, OLD.before, OLD.after) IS DISTINCT FROM (NEW.id, NEW.at,
		NEW.actor, NEW.action, NEW.factory, NEW.device, NEW.slot, NEW.reason, NEW.request_id, NEW.before,
		NEW.after))
	EXECUTE FUNCTION certvendor.refuse_change_of_audit();

-- The end of the chain.
CREATE TABLE certvendor.audit_chain (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	last bigint NOT NULL DEFAULT 0,
	hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(hash) = 32)
);
INSERT INTO certvendor.audit_chain DEFAULT VALUES;

-- Refused requests write counters only, bounded per (device, key).
CREATE TABLE certvendor.security_event (
	factory text NOT NULL,
	device text NOT NULL,
	kind text NOT NULL,
	key_id bytea NOT NULL,
	first_at timestamptz NOT NULL DEFAULT now(),
	last_at timestamptz NOT NULL DEFAULT now(),
	count bigint NOT NULL DEFAULT 1,
	PRIMARY KEY (factory, device, kind, key_id)
);

-- Requests that make something and carry an Idempotency-Key: what they made, so that the same request
-- gets the same answer. Dropped after a day.
CREATE TABLE certvendor.idempotency (
	operator uuid NOT NULL,
	key text NOT NULL,
	request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32),
	-- The object as it was answered, and what else the answer holds; a secret is sealed with the operator's token.
	object text,
	kept bytea,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (operator, key)
);
CREATE INDEX idempotency_age ON certvendor.idempotency (created_at);

-- What operators are shown.

CREATE FUNCTION certvendor.certificate_state(revoked_at timestamptz, key certvendor.key_state) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN revoked_at IS NOT NULL OR key = 'compromised' THEN 'revoked'
		WHEN key = 'asked' THEN 'issued' WHEN key = 'current' THEN 'active' ELSE key::text END
$$;

CREATE FUNCTION certvendor.rotation_state(locked_since timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN locked_since IS NULL THEN 'none'
		WHEN locked_since < now() - interval '7 days' THEN 'stalled' ELSE 'pending' END
$$;

-- Changes with whatever an operator can see of the object.
CREATE FUNCTION certvendor.entity_tag(object json) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT left(encode(sha256(convert_to(object::text, 'UTF8')), 'hex'), 32)
$$;

-- What an index in memory holds of each certificate.
CREATE VIEW certvendor.certificate_status AS
SELECT c.factory, c.device, c.slot, s.version, d.state::text AS device_state, d.first_seen_at IS NOT NULL AS is_seen,
	EXISTS (SELECT FROM certvendor.slot_key a WHERE a.factory = c.factory AND a.device = c.device
		AND a.slot = c.slot AND a.state = 'announced') AS has_pending,
	extract(epoch FROM k.talks_until)::bigint AS talks_until, c.fingerprint, k.state::text AS key_state,
	c.revoked_at IS NOT NULL AS is_revoked, c.authority::text AS authority,
	extract(epoch FROM c.not_before)::bigint AS not_before, extract(epoch FROM c.not_after)::bigint AS not_after,
	c.sha1, CASE WHEN c.is_ours THEN c.serial END AS serial
FROM certvendor.certificate c
JOIN certvendor.device d ON d.factory = c.factory AND d.id = c.device
JOIN certvendor.slot s ON s.factory = c.factory AND s.device = c.device AND s.name = c.slot
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id;

GRANT USAGE ON SCHEMA certvendor TO certvendor_service, certvendor_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA certvendor TO certvendor_reader;
REVOKE SELECT ON certvendor.operator_token, certvendor.enrolment_token, certvendor.idempotency
	FROM certvendor_reader;

GRANT SELECT ON ALL TABLES IN SCHEMA certvendor TO certvendor_service;
GRANT INSERT, UPDATE ON certvendor.factory, certvendor.authority, certvendor.gateway,
	certvendor.operator_token, certvendor.enrolment_token, certvendor.approval, certvendor.device, certvendor.slot,
	certvendor.slot_key, certvendor.certificate, certvendor.security_event TO certvendor_service;
GRANT UPDATE (position, hash) ON certvendor.audit TO certvendor_service;
GRANT UPDATE ON certvendor.feed, certvendor.audit_chain, certvendor.enrolment_token_use TO certvendor_service;
-- A key that was only named, and fell back, leaves no trace.
GRANT DELETE ON certvendor.slot_key TO certvendor_service;
GRANT DELETE ON certvendor.approval TO certvendor_service;
GRANT INSERT ON certvendor.enrolment_token_use, certvendor.key_claim, certvendor.audit
	TO certvendor_service;
GRANT INSERT, UPDATE, DELETE ON certvendor.change, certvendor.device_group, certvendor.idempotency
	TO certvendor_service;
