-- $1 key id, $2 SubjectPublicKeyInfo: as it stands in each certificate for the key. Who has it already: a device that
-- proved it, in whatever factory, or whoever counts as a gateway, operator or authority.
SELECT FROM certvendor.factory f JOIN certvendor.key_claim k ON k.factory = f.name AND k.key_id = $1
UNION ALL
SELECT FROM certvendor.gateway WHERE removed_at IS NULL AND position($2::bytea IN certificate) > 0
UNION ALL
SELECT FROM certvendor.operator_certificate
WHERE revoked_at IS NULL AND expires_at > now() AND position($2::bytea IN certificate) > 0
UNION ALL
SELECT FROM certvendor.authority WHERE position($2::bytea IN certificate) > 0
UNION ALL
SELECT FROM certvendor.factory_key WHERE key_id = $1
LIMIT 1
