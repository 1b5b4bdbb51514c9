-- $1 factory, $2 root or NULL, $3 device CAs or NULL, $4 user. NULL: as it was.
INSERT INTO certvendor.factory_pki AS p (factory, root_crt, ca_crt, created_by, updated_by)
VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (factory) DO UPDATE SET root_crt = coalesce(excluded.root_crt, p.root_crt),
	ca_crt = coalesce(excluded.ca_crt, p.ca_crt), updated_at = now(), updated_by = excluded.updated_by
