-- $1 factory, $2 device, $3 slot, $4 key that is being announced, $5 does it replace others? Then announced keys
-- fall back, but not those whose first certificate was issued after that of $4. Of what is left the newest 7 stay
-- beside it.
UPDATE certvendor.slot_key o SET state = 'asked', announced_at = NULL
WHERE o.factory = $1 AND o.device = $2 AND o.slot = $3 AND o.state = 'announced' AND o.key_id <> $4
	AND (($5::boolean AND (o.first_issued_version > (SELECT k.first_issued_version FROM certvendor.slot_key k
			WHERE k.factory = $1 AND k.device = $2 AND k.slot = $3 AND k.key_id = $4)) IS NOT TRUE)
		OR (SELECT count(*) FROM certvendor.slot_key n
			WHERE n.factory = $1 AND n.device = $2 AND n.slot = $3 AND n.state = 'announced'
				AND n.key_id <> $4
				AND n.first_issued_version > coalesce(o.first_issued_version, 0)) >= 7)
