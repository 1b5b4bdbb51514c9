-- $1 factory. Result: factory, purpose, state, key id, names, certificate or '', sealed key.
SELECT factory, purpose, state, key_id, names, coalesce(certificate, ''), private_key
FROM certvendor.factory_key WHERE factory = $1 AND (state <> 'retired' OR purpose = 'online')
ORDER BY created_at, id
