-- $1 factory, $2 device or NULL, $3 group or '' for the factory. Result: a row when there is such a thing.
SELECT FROM certvendor.factory f
WHERE f.name = $1 AND CASE
	WHEN $2::text IS NOT NULL THEN EXISTS (SELECT FROM certvendor.device d
		WHERE d.factory = $1 AND d.id = $2 AND d.state <> 'deleted')
	WHEN $3::text <> '' THEN EXISTS (SELECT FROM certvendor.device_group g WHERE g.factory = $1 AND g.name = $3)
	ELSE true END
