-- $1 name, $2 factory, $3 announce or NULL: what the factory says, $4 does announce change?, $5 policies, comma
-- separated; NULL: as they were.
UPDATE certvendor.device_group SET announce = CASE WHEN $4::boolean THEN $3 ELSE announce END,
	policies = coalesce(string_to_array($5, ','), policies)
WHERE name = $1 AND factory = $2
