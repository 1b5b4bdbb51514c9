-- $1 id, $2 name, $3 role, $4 factories, comma separated, or NULL: all, $5 fingerprint, $6 certificate, $7 its end.
INSERT INTO certvendor.operator_certificate (id, name, role, factories, fingerprint, certificate, expires_at)
VALUES ($1::uuid, $2, $3, string_to_array($4, ','), $5, $6, to_timestamp($7::double precision))
