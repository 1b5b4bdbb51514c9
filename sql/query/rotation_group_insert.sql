-- $1 name, $2 factory, $3 address of the EST server, $4 devices an hour, $5 files, $6 what the audit says of them,
-- $7 rotation id, $8 reason, $9 actor, $10 group of devices or NULL, $11 devices, comma separated, or NULL. Nothing when
-- fifty are under way, or the group or one of the devices does not exist.
INSERT INTO certvendor.rotation_group (name, factory, est_url, per_hour, files, summary, rotation_id, reason, created_by)
SELECT $1, $2, $3, $4::integer, $5::jsonb, $6::jsonb, $7, $8, $9
WHERE (SELECT count(*) FROM certvendor.rotation_group WHERE factory = $2 AND state IN ('running', 'paused')) < 50
	AND ($10::text IS NULL
		OR EXISTS (SELECT FROM certvendor.device_group WHERE factory = $2 AND name = $10))
	AND NOT EXISTS (SELECT FROM unnest(string_to_array($11::text, ',')) AS w(id)
		WHERE NOT EXISTS (SELECT FROM certvendor.device d WHERE d.factory = $2 AND d.id = w.id))
