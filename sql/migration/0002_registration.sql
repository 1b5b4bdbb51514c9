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
	-- Their clients know a group by a number, too.
	ADD COLUMN id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
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
	-- The token of whoever approved or asked for this one: it ends with that.
	ADD COLUMN parent uuid;

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

GRANT SELECT ON certvendor.device_name TO certvendor_service, certvendor_reader;
GRANT INSERT, UPDATE ON certvendor.device_name TO certvendor_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON certvendor.device_grant TO certvendor_service;
