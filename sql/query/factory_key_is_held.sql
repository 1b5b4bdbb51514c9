-- $1 key id. Is it the key of some factory's, in whatever state?
SELECT EXISTS (SELECT FROM certvendor.factory_key WHERE key_id = $1)
