-- What devices say about themselves, in the lists of FoundriesFactory clients.

CREATE OR REPLACE VIEW certvendor.ota_device AS
SELECT d.factory, d.id, d.state, d.group_name, d.is_production,
	CASE WHEN d.state = 'deleted' THEN coalesce(n.name, d.id)
		ELSE certvendor.device_called(n.name, n.is_released, d.id) END AS name,
	coalesce(d.owner, (SELECT regexp_replace(t.created_by, '^operator:', '') FROM certvendor.enrolment_token t
		WHERE t.id = d.registered_by), d.factory) AS owner,
	greatest(s.last_seen_at, d.first_seen_at) AS last_seen_at, d.created_at, d.changed_at, d.changed_by,
	d.hardware_id, k.spki, coalesce(r.tags, '') AS tag, coalesce(r.target_name, '') AS target,
	coalesce(r.ostree_hash, '') AS ostree_hash, string_to_array(r.docker_apps, ',') AS docker_apps
FROM certvendor.device d
LEFT JOIN certvendor.device_name n ON n.factory = d.factory AND n.device = d.id
LEFT JOIN certvendor.slot s ON s.factory = d.factory AND s.device = d.id AND s.name = 'client'
LEFT JOIN certvendor.slot_key k ON k.factory = d.factory AND k.device = d.id AND k.slot = 'client'
	AND k.state = 'current'
LEFT JOIN certvendor.device_report r ON r.factory = d.factory AND r.device = d.id;

CREATE OR REPLACE FUNCTION certvendor.ota_device_object(o certvendor.ota_device) RETURNS jsonb
LANGUAGE sql STABLE AS $$
	SELECT jsonb_build_object('uuid', o.id, 'name', o.name, 'owner', o.owner, 'factory', o.factory,
		'device-group', coalesce(o.group_name, ''), 'last-seen', certvendor.ota_time(o.last_seen_at),
		'created-at', certvendor.ota_time(o.created_at), 'is-prod', o.is_production, 'is-wave', false,
		'up-to-date', false, 'tag', o.tag, 'target-name', o.target, 'ostree-hash', o.ostree_hash,
		'status', upper(o.state::text), 'current-update', '', 'lmp-ver', '', 'aktualizr-toml', '',
		'docker-apps', coalesce(to_jsonb(o.docker_apps), '[]'),
		'public-key', certvendor.public_key_pem(o.spki), 'change-meta', jsonb_build_object(
			'created-at', certvendor.ota_time(o.created_at), 'created-by', o.owner,
			'updated-at', certvendor.ota_time(coalesce(o.changed_at, o.created_at)),
			'updated-by', coalesce(o.changed_by, o.owner)))
$$;
