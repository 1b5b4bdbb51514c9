-- $1 factory, $2 device, $3 slot, $4 key that took over, $5 id of an audit row. The stage of the key becomes the device
-- layer, the other stages end. What operators wrote into the layer meanwhile is replaced, and the audit trail says so.
WITH ended AS (
	DELETE FROM certvendor.device_stage WHERE factory = $1 AND device = $2 AND slot = $3
	RETURNING key_id, base_version, reason, files
), live AS MATERIALIZED (
	SELECT coalesce(max(version), 0) AS version,
		array_agg(version ORDER BY version) FILTER (WHERE NOT is_by_device) AS of_operators
	FROM certvendor.device_configuration WHERE factory = $1 AND device = $2
), promoted AS (
	INSERT INTO certvendor.device_configuration (factory, device, version, created_by, is_by_device, reason, files)
	SELECT $1, $2, l.version + 1, $2, true, e.reason, e.files FROM ended e, live l WHERE e.key_id = $4
), trimmed AS (
	DELETE FROM certvendor.device_configuration c USING ended e, live l
	WHERE e.key_id = $4 AND c.factory = $1 AND c.device = $2 AND c.version <= l.version - 9
)
INSERT INTO certvendor.audit (id, actor, action, factory, device, slot, before, after)
SELECT $5::uuid, 'device', 'configuration-replaced', $1, $2, $3,
	jsonb_build_object('versions_of_operators', (SELECT jsonb_agg(o.version) FROM unnest(l.of_operators) AS o(version)
		WHERE o.version > e.base_version)),
	jsonb_build_object('version', l.version + 1, 'staged_on', e.base_version)
FROM ended e, live l
WHERE e.key_id = $4 AND e.base_version < ANY (l.of_operators)
