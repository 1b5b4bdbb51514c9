-- $1 factory, $2 device, $3 slot, $4 announced key, $5 reason, $6 files. What the key will find when it is used. The first
-- of it takes over the unencrypted files of the device layer; the others the key could not open.
INSERT INTO certvendor.device_stage AS s (factory, device, slot, key_id, base_version, reason, files)
SELECT $1, $2, $3, $4, coalesce(max(l.version), 0), $5, certvendor.written_files(
	(SELECT jsonb_agg(f.file ORDER BY f.place)
		FROM certvendor.device_configuration c, jsonb_array_elements(c.files) WITH ORDINALITY AS f(file, place)
		WHERE c.factory = $1 AND c.device = $2 AND c.version = max(l.version) AND f.file->'unencrypted' = 'true'),
	'merge', $6::jsonb)
FROM certvendor.device_configuration l WHERE l.factory = $1 AND l.device = $2
ON CONFLICT (factory, device, slot, key_id) DO UPDATE SET reason = excluded.reason,
	files = certvendor.written_files(s.files, 'merge', $6::jsonb)
