-- Registration by FoundriesFactory clients: what they say of a device, names of devices, scopes of tokens,
-- and devices that wait for an operator to let them register.

ALTER TABLE certvendor.device
	-- businessCategory=production in the subject of its certificate.
	ADD COLUMN is_production boolean NOT NULL DEFAULT false,
	ADD COLUMN hardware_id text CHECK (length(hardware_id) BETWEEN 1 AND 128),
	ADD COLUMN changed_at timestamptz,
	ADD COLUMN changed_by text;

-- What people call a device; unique in its factory. A deleted device gives its name free, and keeps it for the
-- list of denied devices. One without a row is called by its id.
CREATE TABLE certvendor.device_name (
	factory text NOT NULL,
	device text NOT NULL,
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
	is_released boolean NOT NULL DEFAULT false,
	PRIMARY KEY (factory, device)
);
CREATE UNIQUE INDEX device_name_taken ON certvendor.device_name (factory, name) WHERE NOT is_released;

INSERT INTO certvendor.device_name (factory, device, name, is_released)
SELECT factory, id, id, state = 'deleted' FROM certvendor.device;

-- What a device is called; its row of device_name may be missing, or its name given free.
CREATE FUNCTION certvendor.device_called(name text, is_released boolean, device text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN NOT is_released THEN name ELSE device END
$$;

ALTER TABLE certvendor.device_group
	ADD COLUMN description text NOT NULL DEFAULT '' CHECK (length(description) <= 1024),
	ADD COLUMN created_by text,
	ADD COLUMN changed_at timestamptz,
	ADD COLUMN changed_by text;

ALTER TABLE certvendor.operator_token
	-- NULL: whatever the role may. Else these and nothing beyond.
	ADD COLUMN scopes text[] CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['devices:read',
		'devices:read-update', 'devices:create', 'devices:delete']),
	-- Registers this very id and no other.
	ADD COLUMN device text,
	-- What whoever approved or asked for this one had logged in with: it ends with that.
	ADD COLUMN parent uuid;

-- Whatever operators log in with.
CREATE VIEW certvendor.operator_credential AS
SELECT id, name, role, factories, revoked_at, expires_at, parent FROM certvendor.operator_token
UNION ALL
SELECT id, name, role, factories, revoked_at, expires_at, NULL FROM certvendor.operator_certificate;

GRANT SELECT ON certvendor.operator_credential TO certvendor_service;

-- OAuth 2.0 device authorization grant (RFC 8628): a device asks, an operator approves what it shows.
CREATE TABLE certvendor.device_grant (
	id uuid PRIMARY KEY,
	factory text NOT NULL REFERENCES certvendor.factory (name),
	code_hash bytea NOT NULL UNIQUE CHECK (octet_length(code_hash) = 32),
	user_code text NOT NULL UNIQUE,
	-- The id that the device wants to register.
	device text NOT NULL CHECK (device ~ '^[A-Za-z0-9._:-]{1,64}$'),
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'refused')),
	asked_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	decided_at timestamptz,
	decided_by text,
	decider uuid
);
CREATE INDEX device_grant_age ON certvendor.device_grant (factory, expires_at);

-- What their clients are shown.

CREATE FUNCTION certvendor.ota_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
$$;

-- PEM of a SubjectPublicKeyInfo; '': none.
CREATE FUNCTION certvendor.public_key_pem(spki bytea) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(E'-----BEGIN PUBLIC KEY-----\n'
		|| regexp_replace(replace(encode(spki, 'base64'), E'\n', ''), '(.{1,64})', E'\\1\n', 'g')
		|| E'-----END PUBLIC KEY-----\n', '')
$$;

-- The owner is never empty: else who made the token that registered it, else the factory.
CREATE VIEW certvendor.ota_device AS
SELECT d.factory, d.id, d.state, d.group_name, d.is_production,
	CASE WHEN d.state = 'deleted' THEN coalesce(n.name, d.id)
		ELSE certvendor.device_called(n.name, n.is_released, d.id) END AS name,
	coalesce(d.owner, (SELECT regexp_replace(t.created_by, '^operator:', '') FROM certvendor.enrolment_token t
		WHERE t.id = d.registered_by), d.factory) AS owner,
	greatest(s.last_seen_at, d.first_seen_at) AS last_seen_at, d.created_at, d.changed_at, d.changed_by,
	d.hardware_id, k.spki, coalesce(r.tags, '') AS tag, coalesce(r.target_name, '') AS target,
	coalesce(r.ostree_hash, '') AS ostree_hash, coalesce(r.docker_apps, '') AS docker_apps
FROM certvendor.device d
LEFT JOIN certvendor.device_name n ON n.factory = d.factory AND n.device = d.id
LEFT JOIN certvendor.device_report r ON r.factory = d.factory AND r.device = d.id
LEFT JOIN certvendor.slot s ON s.factory = d.factory AND s.device = d.id AND s.name = 'client'
LEFT JOIN certvendor.slot_key k ON k.factory = d.factory AND k.device = d.id AND k.slot = 'client'
	AND k.state = 'current';

CREATE FUNCTION certvendor.ota_device_object(o certvendor.ota_device) RETURNS jsonb
LANGUAGE sql STABLE AS $$
	SELECT jsonb_build_object('uuid', o.id, 'name', o.name, 'owner', o.owner, 'factory', o.factory,
		'device-group', coalesce(o.group_name, ''), 'last-seen', certvendor.ota_time(o.last_seen_at),
		'created-at', certvendor.ota_time(o.created_at), 'is-prod', o.is_production, 'is-wave', false,
		'up-to-date', false, 'tag', o.tag, 'target-name', o.target, 'ostree-hash', o.ostree_hash, 'status', upper(o.state::text),
		'current-update', '', 'lmp-ver', '', 'aktualizr-toml', '', 'docker-apps', to_jsonb(array_remove(string_to_array(o.docker_apps, ','), '')),
		'public-key', certvendor.public_key_pem(o.spki), 'change-meta', jsonb_build_object(
			'created-at', certvendor.ota_time(o.created_at), 'created-by', o.owner,
			'updated-at', certvendor.ota_time(coalesce(o.changed_at, o.created_at)),
			'updated-by', coalesce(o.changed_by, o.owner)))
$$;

CREATE VIEW certvendor.ota_group AS
SELECT g.factory, g.name, jsonb_build_object('id', g.id, 'name', g.name, 'description', g.description,
	'created-at', certvendor.ota_time(g.created_at), 'change-meta', jsonb_build_object(
		'created-at', certvendor.ota_time(g.created_at), 'created-by', coalesce(g.created_by, ''),
		'updated-at', certvendor.ota_time(coalesce(g.changed_at, g.created_at)),
		'updated-by', coalesce(g.changed_by, g.created_by, ''))) AS object
FROM certvendor.device_group g;

GRANT SELECT ON certvendor.ota_device, certvendor.ota_group TO certvendor_service, certvendor_reader;
GRANT DELETE ON certvendor.operator_token TO certvendor_service;
GRANT SELECT ON certvendor.device_name TO certvendor_service, certvendor_reader;
GRANT INSERT, UPDATE ON certvendor.device_name TO certvendor_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON certvendor.device_grant TO certvendor_service;
