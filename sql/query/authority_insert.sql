-- $1 id, $2 factory, $3 kind, $4 state, $5 name, $6 owner, $7 fingerprint, $8 certificate.
INSERT INTO certvendor.authority (id, factory, kind, state, name, owner, fingerprint, certificate)
VALUES ($1::uuid, $2, $3::certvendor.authority_kind, $4::certvendor.authority_state, $5, $6, $7, $8)
