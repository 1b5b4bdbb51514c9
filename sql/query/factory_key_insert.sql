-- $1 id, $2 factory, $3 purpose, $4 key id, $5 names, $6 CSR, $7 sealed key, $8 user.
INSERT INTO certvendor.factory_key (id, factory, purpose, key_id, names, csr, private_key, created_by)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8)
