-- Named authorisation sets: the devices of a group have them, and gateways are told with each allowance.

ALTER TABLE certvendor.device_group
	-- What memory calls the group by; never used again.
	ADD COLUMN id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
	ADD COLUMN policies text[] NOT NULL DEFAULT '{}'
		CHECK (cardinality(policies) <= 16 AND array_position(policies, NULL) IS NULL
			AND array_to_string(policies, ',') ~ '^([A-Za-z0-9._-]{1,32}(,[A-Za-z0-9._-]{1,32})*)?$'
			-- As the header says them.
			AND length(array_to_string(policies, ', ')) <= 400);

CREATE TRIGGER group_raises_realm AFTER INSERT OR UPDATE OF policies OR DELETE ON certvendor.device_group
	FOR EACH STATEMENT EXECUTE FUNCTION certvendor.raise_realm_version();

CREATE OR REPLACE VIEW certvendor.certificate_status AS
SELECT c.factory, c.device, c.slot, s.version, d.state::text AS device_state, d.first_seen_at IS NOT NULL AS is_seen,
	EXISTS (SELECT FROM certvendor.slot_key a WHERE a.factory = c.factory AND a.device = c.device
		AND a.slot = c.slot AND a.state = 'announced') AS has_pending,
	extract(epoch FROM k.talks_until)::bigint AS talks_until, c.fingerprint, k.state::text AS key_state,
	c.revoked_at IS NOT NULL AS is_revoked, c.authority::text AS authority,
	extract(epoch FROM c.not_before)::bigint AS not_before, extract(epoch FROM c.not_after)::bigint AS not_after,
	c.sha1, CASE WHEN c.is_ours THEN c.serial END AS serial, g.id AS group_id
FROM certvendor.certificate c
JOIN certvendor.device d ON d.factory = c.factory AND d.id = c.device
JOIN certvendor.slot s ON s.factory = c.factory AND s.device = c.device AND s.name = c.slot
JOIN certvendor.slot_key k ON k.factory = c.factory AND k.device = c.device AND k.slot = c.slot
	AND k.key_id = c.key_id
LEFT JOIN certvendor.device_group g ON g.factory = d.factory AND g.name = d.group_name;
