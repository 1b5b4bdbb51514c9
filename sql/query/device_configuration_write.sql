-- $1 factory, $2 device, $3 by whom, $4 is it the device itself?, $5 reason, $6 merge, replace or remove, $7 files. Makes
-- a version of the device layer, if that changes anything; the last ten stay.
WITH live AS MATERIALIZED (
	SELECT version, files FROM certvendor.device_configuration
	WHERE factory = $1 AND device = $2 ORDER BY version DESC LIMIT 1
), written AS MATERIALIZED (
	SELECT coalesce((SELECT version FROM live), 0) + 1 AS version,
		certvendor.written_files((SELECT files FROM live), $6, $7::jsonb) AS files
), trimmed AS (
	DELETE FROM certvendor.device_configuration c USING written w
	WHERE c.factory = $1 AND c.device = $2 AND c.version <= w.version - 10
)
INSERT INTO certvendor.device_configuration (factory, device, version, created_by, is_by_device, reason, files)
SELECT $1, $2, w.version, $3, $4::boolean, $5, w.files FROM written w
WHERE w.files IS DISTINCT FROM (SELECT files FROM live)
