-- Configuration of devices in three layers (factory, group, device), what devices report of themselves, and
-- what they stage for a key that they announced. Files are arrays of {"name", "value", "unencrypted",
-- "on-changed"?}; the newest version of each layer counts, and the last ten are kept.

-- By name, in place; what is new stands behind.
CREATE FUNCTION certvendor.merge_files(old jsonb, new jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
	SELECT coalesce(jsonb_agg(f.file ORDER BY f.is_new, f.place), '[]'::jsonb)
	FROM (SELECT coalesce(n.file, o.file) AS file, false AS is_new, o.place
			FROM jsonb_array_elements(old) WITH ORDINALITY AS o(file, place)
			LEFT JOIN jsonb_array_elements(new) AS n(file) ON n.file->>'name' = o.file->>'name'
		UNION ALL
		SELECT n.file, true, n.place
			FROM jsonb_array_elements(new) WITH ORDINALITY AS n(file, place)
			WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(old) AS o(file)
				WHERE o.file->>'name' = n.file->>'name')) f
$$;

-- Drops the files of these names.
CREATE FUNCTION certvendor.without_files(old jsonb, names jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
	SELECT coalesce(jsonb_agg(o.file ORDER BY o.place), '[]'::jsonb)
	FROM jsonb_array_elements(old) WITH ORDINALITY AS o(file, place)
	WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(names) AS n(file) WHERE n.file->>'name' = o.file->>'name')
$$;

-- What a write makes of a layer. how: merge, replace, remove. Layers are bounded, however many requests they
-- are made of.
CREATE FUNCTION certvendor.written_files(old jsonb, how text, files jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
DECLARE
	written jsonb := CASE how WHEN 'merge' THEN certvendor.merge_files(coalesce(old, '[]'), files)
		WHEN 'remove' THEN certvendor.without_files(coalesce(old, '[]'), files) ELSE files END;
BEGIN
	IF octet_length(written::text) > 2 * 1024 * 1024 OR jsonb_array_length(written) > 500 THEN
		RAISE EXCEPTION 'more than 2 MiB or 500 files' USING ERRCODE = 'program_limit_exceeded';
	END IF;
	RETURN written;
END
$$;

-- Layers that devices share.
CREATE TABLE certvendor.shared_configuration (
	factory text NOT NULL REFERENCES certvendor.factory (name),
	-- '': the layer of the factory.
	group_name text NOT NULL,
	version bigint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL,
	reason text NOT NULL,
	files jsonb NOT NULL,
	PRIMARY KEY (factory, group_name, version)
);

-- A group that is made again under its old name begins empty.
CREATE FUNCTION certvendor.drop_configuration_of_group() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	DELETE FROM certvendor.shared_configuration WHERE factory = OLD.factory AND group_name = OLD.name;
	RETURN NULL;
END
$$;
CREATE TRIGGER group_takes_configuration AFTER DELETE ON certvendor.device_group
	FOR EACH ROW EXECUTE FUNCTION certvendor.drop_configuration_of_group();

CREATE TABLE certvendor.device_configuration (
	factory text NOT NULL,
	device text NOT NULL,
	version bigint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	-- Who: the name of an operator's token; of what the device wrote itself its id.
	created_by text NOT NULL,
	is_by_device boolean NOT NULL,
	reason text NOT NULL,
	files jsonb NOT NULL,
	-- When a device fetched it.
	applied_at timestamptz,
	PRIMARY KEY (factory, device, version)
);

-- Device layers that only an announced key can open: not served to the key before it.
CREATE TABLE certvendor.device_stage (
	factory text NOT NULL,
	device text NOT NULL,
	slot text NOT NULL,
	key_id bytea NOT NULL CHECK (octet_length(key_id) = 32),
	-- Version of the device layer that it was made of; 0: there was none.
	base_version bigint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	reason text NOT NULL,
	files jsonb NOT NULL,
	PRIMARY KEY (factory, device, slot, key_id)
);

-- A stage ends with the announcement of its key, however that ends; activation takes it over.
CREATE FUNCTION certvendor.drop_stage_of_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	DELETE FROM certvendor.device_stage
	WHERE factory = OLD.factory AND device = OLD.device AND slot = OLD.slot AND key_id = OLD.key_id;
	RETURN NULL;
END
$$;
CREATE TRIGGER slot_key_takes_stage AFTER UPDATE OF state ON certvendor.slot_key FOR EACH ROW
	WHEN (OLD.state = 'announced' AND NEW.state NOT IN ('announced', 'current'))
	EXECUTE FUNCTION certvendor.drop_stage_of_key();

-- The time of its configuration that a device was told, and what made that up. It rises with every change by a
-- second at least, whichever layer changed, because devices repeat it to ask for what is newer.
CREATE TABLE certvendor.device_served (
	factory text NOT NULL,
	device text NOT NULL,
	layers bytea NOT NULL CHECK (octet_length(layers) = 32),
	modified_at timestamptz NOT NULL,
	-- First answer with the configuration of this time; NULL: not yet.
	served_at timestamptz,
	PRIMARY KEY (factory, device)
);

-- What devices say about themselves with their requests; NULL: never said.
CREATE TABLE certvendor.device_report (
	factory text NOT NULL,
	device text NOT NULL,
	target_name text,
	ostree_hash text,
	tags text,
	docker_apps text,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (factory, device)
);

-- Events of devices: the newest 1000 of each. They prove nothing.
CREATE TABLE certvendor.device_event (
	factory text NOT NULL,
	device text NOT NULL,
	-- Given by the device; a repetition has the same.
	id text NOT NULL,
	received_at timestamptz NOT NULL DEFAULT now(),
	-- Place in the request.
	place integer NOT NULL,
	device_time timestamptz NOT NULL,
	correlation_id text NOT NULL,
	event_type text NOT NULL,
	target_name text NOT NULL,
	target_version text NOT NULL,
	success boolean,
	details text,
	ecu text,
	PRIMARY KEY (factory, device, id)
);
CREATE INDEX device_event_order ON certvendor.device_event (factory, device, received_at, place);
CREATE INDEX device_event_correlation ON certvendor.device_event (factory, device, correlation_id);

GRANT SELECT ON certvendor.shared_configuration, certvendor.device_configuration, certvendor.device_stage,
	certvendor.device_served, certvendor.device_report, certvendor.device_event TO certvendor_service;
-- Not the configurations: unencrypted files may hold secrets.
GRANT SELECT ON certvendor.device_served, certvendor.device_report, certvendor.device_event TO certvendor_reader;
GRANT INSERT, DELETE ON certvendor.shared_configuration, certvendor.device_configuration, certvendor.device_event
	TO certvendor_service;
GRANT UPDATE (applied_at) ON certvendor.device_configuration TO certvendor_service;
GRANT INSERT, UPDATE, DELETE ON certvendor.device_stage TO certvendor_service;
GRANT INSERT, UPDATE ON certvendor.device_served, certvendor.device_report TO certvendor_service;
