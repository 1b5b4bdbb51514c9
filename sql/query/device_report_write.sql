-- As arrays: $1 factory, $2 device, $3 target, $4 OSTree hash, $5 tags, $6 applications; NULL: as it was. Written only
-- where something changed, and in one order: no deadlocks.
INSERT INTO certvendor.device_report AS r (factory, device, target_name, ostree_hash, tags, docker_apps)
SELECT w.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
	AS w(factory, device, target_name, ostree_hash, tags, docker_apps)
LEFT JOIN certvendor.device_report o ON o.factory = w.factory AND o.device = w.device
WHERE o.device IS NULL OR w.target_name <> coalesce(o.target_name, '') OR w.ostree_hash <> coalesce(o.ostree_hash, '')
	OR w.tags <> coalesce(o.tags, '') OR w.docker_apps <> coalesce(o.docker_apps, '')
ORDER BY w.factory COLLATE "C", w.device COLLATE "C"
ON CONFLICT (factory, device) DO UPDATE SET target_name = coalesce(excluded.target_name, r.target_name),
	ostree_hash = coalesce(excluded.ostree_hash, r.ostree_hash), tags = coalesce(excluded.tags, r.tags),
	docker_apps = coalesce(excluded.docker_apps, r.docker_apps), updated_at = now()
