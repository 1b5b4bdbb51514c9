-- Keys in use, and online ones that were replaced. Result: as factory_keys.
SELECT factory, purpose, state, key_id, names, coalesce(certificate, ''), private_key
FROM certvendor.factory_key WHERE state = 'active' OR (state = 'retired' AND purpose = 'online')
ORDER BY factory, created_at, id
