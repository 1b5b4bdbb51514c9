-- $1 name of an operator, $2 factory that he must see.
SELECT EXISTS (SELECT FROM certvendor.operator_token
	WHERE name = $1 AND revoked_at IS NULL AND (factories IS NULL OR $2 = ANY (factories)))
	OR EXISTS (SELECT FROM certvendor.operator_certificate
	WHERE name = $1 AND revoked_at IS NULL AND (factories IS NULL OR $2 = ANY (factories)))
