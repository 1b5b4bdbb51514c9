-- Rotation groups: devices of a factory that are told, one after the other and at a rate, to change their key.

CREATE TABLE certvendor.rotation_group (
	factory text NOT NULL REFERENCES certvendor.factory (name),
	name text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
	state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'done', 'ended')),
	est_url text NOT NULL,
	per_hour integer NOT NULL CHECK (per_hour BETWEEN 1 AND 36000),
	-- What is merged into the layer of each device, the same for all; and what the audit says of it.
	files jsonb NOT NULL,
	summary jsonb NOT NULL,
	-- What the devices find in the files: with the same one they do not begin again.
	rotation_id text NOT NULL,
	reason text NOT NULL,
	-- When the next device may be told. All instances read and write it under the lock of this row.
	next_at timestamptz NOT NULL DEFAULT now(),
	-- How many devices it has; fixed when it is made, in id order, up to filled_to.
	devices integer NOT NULL DEFAULT 0,
	filled_to text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL,
	finished_at timestamptz CHECK ((finished_at IS NULL) = (state IN ('running', 'paused'))),
	PRIMARY KEY (factory, name)
);
CREATE INDEX rotation_group_under_way ON certvendor.rotation_group (factory, state, next_at)
	WHERE state IN ('running', 'paused');

CREATE TABLE certvendor.rotation_group_device (
	factory text NOT NULL,
	group_name text NOT NULL,
	device text NOT NULL,
	state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'told', 'rotated', 'skipped')),
	-- When it is tried; later than that of the others when it could not be told.
	next_at timestamptz NOT NULL DEFAULT now(),
	-- Why it was skipped, or put off the last time.
	note text,
	told_at timestamptz,
	rotation_id text,
	ended_at timestamptz,
	PRIMARY KEY (factory, group_name, device),
	CHECK ((ended_at IS NOT NULL) = (state IN ('rotated', 'skipped')))
);
CREATE INDEX rotation_group_device_turn ON certvendor.rotation_group_device (factory, group_name, next_at, device)
	WHERE state = 'waiting';
CREATE INDEX rotation_group_device_told ON certvendor.rotation_group_device (factory, group_name) WHERE state = 'told';
CREATE INDEX rotation_group_device_open ON certvendor.rotation_group_device (factory, device)
	WHERE state IN ('waiting', 'told');

-- A device that changed its key is done, also when it did so before it was told. Both this and the telling hold the
-- device's lock.
CREATE FUNCTION certvendor.note_rotation_of_member() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	UPDATE certvendor.rotation_group_device d SET state = 'rotated', ended_at = NEW.activated_at, note = NULL
	FROM certvendor.rotation_group g
	WHERE d.factory = NEW.factory AND d.device = NEW.device AND d.state IN ('waiting', 'told')
		AND g.factory = d.factory AND g.name = d.group_name
		AND (d.state = 'told' OR g.state IN ('running', 'paused'));
	RETURN NULL;
END
$$;
CREATE TRIGGER slot_tells_rotation_group AFTER UPDATE OF activated_at ON certvendor.slot FOR EACH ROW
	WHEN (NEW.name = 'client' AND NEW.activated_at IS DISTINCT FROM OLD.activated_at)
	EXECUTE FUNCTION certvendor.note_rotation_of_member();

-- One that is gone will not.
CREATE FUNCTION certvendor.skip_gone_member() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	UPDATE certvendor.rotation_group_device d SET state = 'skipped', ended_at = now(), note = NEW.state::text
	WHERE d.factory = NEW.factory AND d.device = NEW.id AND d.state IN ('waiting', 'told');
	RETURN NULL;
END
$$;
CREATE TRIGGER device_leaves_rotation_group AFTER UPDATE OF state ON certvendor.device FOR EACH ROW
	WHEN (NEW.state IN ('deleted', 'revoked') AND NEW.state IS DISTINCT FROM OLD.state)
	EXECUTE FUNCTION certvendor.skip_gone_member();

GRANT SELECT, INSERT, UPDATE ON certvendor.rotation_group, certvendor.rotation_group_device TO certvendor_service;
GRANT SELECT ON certvendor.rotation_group, certvendor.rotation_group_device TO certvendor_reader;
