-- Running ones of which no device waits and none is still to answer are done. One that somebody holds is left for the
-- next look. Result: factory, name.
WITH finished AS MATERIALIZED (
	SELECT g.factory, g.name FROM certvendor.rotation_group g
	WHERE g.state = 'running'
		AND NOT EXISTS (SELECT FROM certvendor.rotation_group_device d
			WHERE d.factory = g.factory AND d.group_name = g.name AND d.state = 'waiting')
		AND NOT EXISTS (SELECT FROM certvendor.rotation_group_device d
			WHERE d.factory = g.factory AND d.group_name = g.name AND d.state = 'told')
	FOR UPDATE OF g SKIP LOCKED
)
UPDATE certvendor.rotation_group g SET state = 'done', finished_at = now()
FROM finished f WHERE g.factory = f.factory AND g.name = f.name
RETURNING g.factory, g.name
