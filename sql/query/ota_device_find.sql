-- $1 factory, $2 name, or id where $3; $4 among those that are denied? Result: id. Without a name of its own a device is
-- called by its id.
SELECT o.id FROM certvendor.device o
WHERE o.factory = $1 AND (o.state IN ('deleted', 'revoked')) = $4::boolean
	AND o.id = CASE WHEN $3::boolean THEN $2 ELSE coalesce(
		(SELECT n.device FROM certvendor.device_name n WHERE n.factory = $1 AND n.name = $2 AND NOT n.is_released),
		(SELECT d.id FROM certvendor.device d
			LEFT JOIN certvendor.device_name n ON n.factory = d.factory AND n.device = d.id
			WHERE d.factory = $1 AND d.id = $2 AND n.is_released IS NOT FALSE)) END
