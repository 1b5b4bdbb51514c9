-- $1 factory, $2 device, $3 slot. Only when nothing is announced any more.
UPDATE certvendor.slot s SET locked_since = NULL
WHERE s.factory = $1 AND s.device = $2 AND s.name = $3
	AND NOT EXISTS (SELECT FROM certvendor.slot_key k
		WHERE k.factory = $1 AND k.device = $2 AND k.slot = $3 AND k.state = 'announced')
