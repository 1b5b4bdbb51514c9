SELECT id::text, name, factories IS NULL, coalesce(array_to_string(factories, ','), ''),
	array_to_string(sources, ','), may_activate, fingerprint, certificate
FROM certvendor.gateway WHERE removed_at IS NULL ORDER BY name
