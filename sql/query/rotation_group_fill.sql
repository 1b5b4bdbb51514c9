-- $1 name, $2 factory, $3 group of devices or NULL, $4 devices, comma separated, or NULL, $5 time or NULL, $6 how many to
-- look at. Takes in, of the next devices of the group, of the list or of the factory, those that may talk and whose
-- current certificate ends before the time. No row: all were looked at. Result: how many it has now.
WITH place AS MATERIALIZED (
	SELECT filled_to FROM certvendor.rotation_group WHERE name = $1 AND factory = $2
), looked_at AS MATERIALIZED (
	(SELECT d.id, d.state FROM certvendor.device d
	WHERE $3::text IS NOT NULL AND d.factory = $2 AND d.group_name = $3 AND d.id > (SELECT filled_to FROM place)
	ORDER BY d.id LIMIT $6::integer)
	UNION ALL
	(SELECT d.id, d.state FROM certvendor.device d
	WHERE $3::text IS NULL AND $4::text IS NOT NULL AND d.factory = $2 AND d.id = ANY (string_to_array($4, ','))
		AND d.id > (SELECT filled_to FROM place)
	ORDER BY d.id LIMIT $6::integer)
	UNION ALL
	(SELECT d.id, d.state FROM certvendor.device d
	WHERE $3::text IS NULL AND $4::text IS NULL AND d.factory = $2 AND d.id > (SELECT filled_to FROM place)
	ORDER BY d.id LIMIT $6::integer)
), made AS (
	INSERT INTO certvendor.rotation_group_device (factory, group_name, device)
	SELECT $2, $1, l.id FROM looked_at l
	WHERE l.state IN ('ok', 'held') AND ($5::timestamptz IS NULL OR (
		SELECT max(c.not_after) FROM certvendor.slot_key k
		JOIN certvendor.certificate c ON c.factory = k.factory AND c.device = k.device AND c.slot = k.slot
			AND c.key_id = k.key_id
		WHERE k.factory = $2 AND k.device = l.id AND k.slot = 'client' AND k.state = 'current') < $5::timestamptz)
	RETURNING 1
)
UPDATE certvendor.rotation_group g SET filled_to = l.last, devices = g.devices + (SELECT count(*) FROM made)
FROM (SELECT max(id) AS last FROM looked_at HAVING count(*) > 0) l
WHERE g.name = $1 AND g.factory = $2
RETURNING g.devices
