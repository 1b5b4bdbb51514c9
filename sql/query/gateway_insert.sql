-- $1 id, $2 name, $3 every factory, $4 factories, comma separated, $5 sources, $6 may activate, $7 fingerprint, $8 certificate.
INSERT INTO certvendor.gateway (id, name, factories, sources, may_activate, fingerprint, certificate)
VALUES ($1::uuid, $2, CASE WHEN $3::boolean THEN NULL ELSE string_to_array($4, ',') END, string_to_array($5, ','),
	$6::boolean, $7, $8)
