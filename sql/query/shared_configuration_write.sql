-- $1 factory, $2 group or '' for the layer of the factory, $3 by whom, $4 reason, $5 merge, replace or remove, $6 files.
-- Makes a version of the layer, if that changes anything; the last ten stay.
WITH live AS MATERIALIZED (
	SELECT version, files FROM certvendor.shared_configuration
	WHERE factory = $1 AND group_name = $2 ORDER BY version DESC LIMIT 1
), written AS MATERIALIZED (
	SELECT coalesce((SELECT version FROM live), 0) + 1 AS version,
		certvendor.written_files((SELECT files FROM live), $5, $6::jsonb) AS files
), trimmed AS (
	DELETE FROM certvendor.shared_configuration c USING written w
	WHERE c.factory = $1 AND c.group_name = $2 AND c.version <= w.version - 10
)
INSERT INTO certvendor.shared_configuration (factory, group_name, version, created_by, reason, files)
SELECT $1, $2, w.version, $3, $4, w.files FROM written w
WHERE w.files IS DISTINCT FROM (SELECT files FROM live)
