-- What others are told: who wants to know (subscription), what happened (outbox, written in the transaction of
-- the change itself), and who has been told so far (delivery).

CREATE TABLE certvendor.subscription (
	id uuid PRIMARY KEY,
	factory text NOT NULL REFERENCES certvendor.factory (name),
	-- Event queues of FoundriesFactory clients, and webhooks, share the names.
	label text NOT NULL CHECK (label ~ '^[A-Za-z0-9._-]{1,64}$'),
	kind text NOT NULL CHECK (kind IN ('push', 'webhook')),
	url text NOT NULL CHECK (octet_length(url) BETWEEN 8 AND 2048),
	-- NULL: every kind of event.
	events text[] CHECK (cardinality(events) > 0),
	-- Key of the signatures of a webhook, sealed under the signer's passphrase.
	secret bytea CHECK ((secret IS NOT NULL) = (kind = 'webhook')),
	created_by text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	removed_at timestamptz
);
CREATE UNIQUE INDEX subscription_label ON certvendor.subscription (factory, label) WHERE removed_at IS NULL;

-- Numbers tell the events of one device apart and order them: they are given under its lock.
CREATE TABLE certvendor.outbox (
	id uuid NOT NULL,
	number bigint GENERATED ALWAYS AS IDENTITY,
	factory text NOT NULL,
	device text NOT NULL,
	kind text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	payload jsonb NOT NULL,
	PRIMARY KEY (factory, device, number)
);
CREATE INDEX outbox_age ON certvendor.outbox (at);

CREATE TABLE certvendor.delivery (
	factory text NOT NULL,
	device text NOT NULL,
	number bigint NOT NULL,
	subscription uuid NOT NULL,
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead')),
	attempts integer NOT NULL DEFAULT 0,
	-- When it is tried next. While it is being tried: when others may take it over.
	next_at timestamptz NOT NULL DEFAULT now(),
	last_error text,
	finished_at timestamptz,
	PRIMARY KEY (factory, device, number, subscription),
	CHECK ((finished_at IS NULL) = (state = 'pending'))
);
CREATE INDEX delivery_due ON certvendor.delivery (subscription, next_at) WHERE state = 'pending';
CREATE INDEX delivery_order ON certvendor.delivery (subscription, factory, device, number) WHERE state = 'pending';
CREATE INDEX delivery_of_subscription ON certvendor.delivery (subscription, number);
CREATE INDEX delivery_dead ON certvendor.delivery (subscription) WHERE state = 'dead';
CREATE INDEX delivery_finished ON certvendor.delivery (finished_at) WHERE state <> 'pending';

-- RSA keys that sign what event queues are sent; receivers find the certificate by the key's id.
CREATE TABLE certvendor.event_key (
	kid text PRIMARY KEY CHECK (kid ~ '^[0-9a-f]{40}$'),
	certificate bytea NOT NULL,
	-- PKCS#8 PEM, encrypted under the signer's passphrase.
	sealed_key text NOT NULL CHECK (sealed_key LIKE '-----BEGIN ENCRYPTED PRIVATE KEY-----%'),
	created_at timestamptz NOT NULL DEFAULT now(),
	-- Signs nothing more; published for another day, because messages are on their way.
	retired_at timestamptz
);
CREATE UNIQUE INDEX event_key_one_current ON certvendor.event_key ((true)) WHERE retired_at IS NULL;

-- The number by which messages call a group; NULL: it has none.
CREATE FUNCTION certvendor.group_number(factory text, name text) RETURNS bigint
LANGUAGE sql STABLE AS $$
	SELECT (to_jsonb(g) ->> 'id')::bigint FROM certvendor.device_group g
	WHERE g.factory = group_number.factory AND g.name = group_number.name
$$;

GRANT SELECT ON certvendor.outbox, certvendor.delivery TO certvendor_reader;
GRANT SELECT, INSERT, UPDATE ON certvendor.subscription, certvendor.event_key TO certvendor_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON certvendor.outbox, certvendor.delivery TO certvendor_service;
