-- :count certificates of as many devices, as the index loads them.
INSERT INTO certvendor.device (factory, id, first_seen_at)
	SELECT 'bench', 'seed-' || i, now() FROM generate_series(1, :count) i;
INSERT INTO certvendor.slot (factory, device, name, version)
	SELECT 'bench', 'seed-' || i, 'client', 1 FROM generate_series(1, :count) i;
INSERT INTO certvendor.slot_key (factory, device, slot, key_id, state, spki)
	SELECT 'bench', 'seed-' || i, 'client', sha256(('key' || i)::bytea), 'current', '\x30'
	FROM generate_series(1, :count) i;
INSERT INTO certvendor.certificate (fingerprint, tbs_digest, sha1, factory, device, slot, key_id, authority,
	is_ours, serial, not_before, not_after, der)
	SELECT sha256(('certificate' || i)::bytea), sha256(('tbs' || i)::bytea),
		substring(sha256(('sha1' || i)::bytea) FROM 1 FOR 20), 'bench', 'seed-' || i, 'client',
		sha256(('key' || i)::bytea), a.id, true, substring(sha256(i::text::bytea) FROM 1 FOR 19), now(), now() + interval '1 year', '\x30'
	FROM generate_series(1, :count) i, certvendor.authority a WHERE a.kind = 'online';
VACUUM (ANALYZE);
