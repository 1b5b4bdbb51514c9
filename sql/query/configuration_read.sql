-- $1 factory, $2 device, $3 seconds since 1970 of the configuration that the device has, or NULL. What a device gets
-- of its layers, and the time that it is told: a new one when a layer, its group or its key changed. A device has a
-- time only if that was answered with the configuration itself. Result: time in seconds or NULL (there never was a
-- configuration), is it new to the device?, was it fetched before?, version of the device layer; and where it is new,
-- files of factory, group and device.
WITH layers AS MATERIALIZED (
	SELECT f.files AS factory_files, g.files AS group_files, c.files AS device_files, c.version AS device_version,
		f.version IS NOT NULL OR g.version IS NOT NULL OR c.version IS NOT NULL AS has_any,
		sha256(convert_to(json_build_array(f.version, f.created_at, d.group_name, g.version, g.created_at, c.version,
			c.created_at, (SELECT max(s.activated_at) FROM certvendor.slot s
				WHERE s.factory = $1 AND s.device = $2))::text, 'UTF8')) AS digest
	FROM certvendor.device d
	LEFT JOIN LATERAL (SELECT * FROM certvendor.shared_configuration x
		WHERE x.factory = $1 AND x.group_name = '' ORDER BY x.version DESC LIMIT 1) f ON true
	LEFT JOIN LATERAL (SELECT * FROM certvendor.shared_configuration x
		WHERE x.factory = $1 AND x.group_name = d.group_name ORDER BY x.version DESC LIMIT 1) g ON true
	LEFT JOIN LATERAL (SELECT * FROM certvendor.device_configuration x
		WHERE x.factory = $1 AND x.device = $2 ORDER BY x.version DESC LIMIT 1) c ON true
	WHERE d.factory = $1 AND d.id = $2
), known AS MATERIALIZED (
	SELECT s.layers, s.modified_at, s.served_at FROM certvendor.device_served s
	WHERE s.factory = $1 AND s.device = $2
), renewed AS (
	INSERT INTO certvendor.device_served AS s (factory, device, layers, modified_at)
	SELECT $1, $2, l.digest, date_trunc('second', now()) FROM layers l
	WHERE (l.has_any OR EXISTS (SELECT FROM known))
		AND NOT EXISTS (SELECT FROM known k WHERE k.layers = l.digest)
	ON CONFLICT (factory, device) DO UPDATE SET layers = excluded.layers,
		modified_at = CASE WHEN s.layers = excluded.layers THEN s.modified_at
			ELSE greatest(excluded.modified_at, s.modified_at + interval '1 second') END,
		served_at = CASE WHEN s.layers = excluded.layers THEN s.served_at END
	RETURNING s.modified_at, s.served_at
), told AS (
	SELECT t.modified_at, t.served_at, (t.served_at IS NOT NULL AND to_timestamp($3::bigint) >= t.modified_at
		AND to_timestamp($3::bigint) <= greatest(now(), t.modified_at)) IS NOT TRUE AS is_new
	FROM (SELECT r.modified_at, r.served_at FROM renewed r
		UNION ALL SELECT k.modified_at, k.served_at FROM known k
		WHERE k.layers = (SELECT l.digest FROM layers l)) t
)
SELECT extract(epoch FROM t.modified_at)::bigint, coalesce(t.is_new, false), t.served_at IS NOT NULL,
	coalesce(l.device_version, 0),
	CASE WHEN t.is_new THEN l.factory_files END, CASE WHEN t.is_new THEN l.group_files END,
	CASE WHEN t.is_new THEN l.device_files END
FROM layers l LEFT JOIN told t ON true
