-- $1 factory, $2 names, comma separated. Does another factory have one of them, or a request for it?
SELECT EXISTS (SELECT FROM certvendor.factory_key k
	WHERE k.factory <> $1 AND k.state IN ('pending', 'active')
		AND string_to_array(k.names, ',') && string_to_array($2, ','))
