-- $1 group, $2 factory, $3 device. Read under the locks of both. Result: milliseconds at which the next device may be
-- told, and now; does the device wait?
SELECT (extract(epoch FROM g.next_at) * 1000)::bigint, (extract(epoch FROM now()) * 1000)::bigint, d.state = 'waiting'
FROM certvendor.rotation_group g
JOIN certvendor.rotation_group_device d ON d.factory = g.factory AND d.group_name = g.name AND d.device = $3
WHERE g.name = $1 AND g.factory = $2
