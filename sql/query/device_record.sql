-- As arrays, one device's slot each: $1 factory, $2 device, $3 slot, $4 presented key, $5 named key, $6 TBS digest of
-- the presented certificate, $7 CSR digest, $8 replay window in seconds, $9 label of the request. One row each, in
-- their order, whether the device exists or not. What may be repeated comes as one string, the likeliest certificate
-- first: which of them has the names that are asked for is not written in a column.
SELECT
	extract(epoch FROM clock_timestamp())::bigint AS now,
	d.state::text AS device_state,
	d.first_seen_at IS NOT NULL AS is_seen,
	d.registered_by::text AS registered_by,
	s.version AS version,
	extract(epoch FROM s.locked_since)::bigint AS locked_since,
	extract(epoch FROM s.issue_debt_until)::bigint AS issue_debt_until,
	c.key_id AS current_key,
	(SELECT count(*) FROM certvendor.slot_key a
		WHERE a.factory = w.factory AND a.device = w.device AND a.slot = w.slot AND a.state = 'announced') AS announced,
	(SELECT count(*) FROM certvendor.certificate e
		WHERE e.factory = w.factory AND e.device = w.device AND e.slot = w.slot AND e.key_id = c.key_id
			AND e.revoked_at IS NULL AND e.not_after > now()) AS current_certificates,
	p.state::text AS presented_state,
	p.asked_by = c.key_id AND p.withdrawn_at IS NULL AS presented_asked_by_current,
	extract(epoch FROM p.talks_until)::bigint AS presented_talks_until,
	p.first_issued_version AS presented_issued,
	pc.device AS presented_owner,
	n.state::text AS named_state,
	n.asked_by = c.key_id AND n.withdrawn_at IS NULL AS named_asked_by_current,
	extract(epoch FROM n.talks_until)::bigint AS named_talks_until,
	n.first_issued_version AS named_issued,
	nc.device AS named_owner,
	t.fingerprint IS NOT NULL AS certificate_is_known,
	t.revoked_at IS NOT NULL AS certificate_is_revoked,
	(SELECT string_agg(o.der, ''::bytea ORDER BY o.is_exact DESC, o.recorded_at DESC) FROM (
		SELECT r.der, r.recorded_at, (r.csr_digest = w.csr_digest) IS TRUE AS is_exact
		FROM certvendor.certificate r
		JOIN certvendor.slot_key k ON k.factory = w.factory AND k.device = w.device AND k.slot = w.slot
			AND k.key_id = r.key_id
		WHERE r.factory = w.factory AND r.device = w.device AND r.slot = w.slot AND r.is_ours
			AND k.withdrawn_at IS NULL
			AND ((r.csr_digest = w.csr_digest AND (k.state IN ('asked', 'announced')
					OR (k.state = 'current' AND r.recorded_at >= s.activated_at)))
				OR (r.key_id = w.named_key AND w.csr_digest IS NOT NULL AND k.state IN ('asked', 'announced')))
			AND r.label IS NOT DISTINCT FROM w.label
			AND EXISTS (SELECT FROM certvendor.authority a WHERE a.id = r.authority AND a.state <> 'revoked')
			AND r.revoked_at IS NULL AND r.not_after > now()
			AND r.recorded_at > now() - make_interval(secs => w.replay_window)
		ORDER BY is_exact DESC, r.recorded_at DESC
		LIMIT 8) o) AS repeated,
	(extract(epoch FROM d.tokens_void_before) * 1000000)::bigint AS tokens_void_before,
	c.asked_by IS NOT NULL AS current_was_named,
	d.group_name AS group_name,
	g.announce AS group_announce,
	g.id AS group_id,
	d.cleared_at IS NOT NULL AS is_cleared,
	CASE WHEN w.named_key = c.key_id THEN EXISTS (
		SELECT FROM certvendor.certificate u JOIN certvendor.authority a ON a.id = u.authority
		WHERE u.factory = w.factory AND u.device = w.device AND u.slot = w.slot AND u.key_id = c.key_id
			AND u.tbs_digest IS DISTINCT FROM w.tbs_digest
			AND u.revoked_at IS NULL AND u.not_after > now() AND a.state <> 'revoked')
		ELSE false END AS has_usable_certificate,
	d.origin::text AS origin
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bigint[],
		$9::text[])
	WITH ORDINALITY AS w(factory, device, slot, presented_key, named_key, tbs_digest, csr_digest, replay_window, label, n)
LEFT JOIN certvendor.device d ON d.factory = w.factory AND d.id = w.device
LEFT JOIN certvendor.device_group g ON g.factory = w.factory AND g.name = d.group_name
LEFT JOIN certvendor.slot s ON s.factory = w.factory AND s.device = w.device AND s.name = w.slot
LEFT JOIN certvendor.slot_key c ON c.factory = w.factory AND c.device = w.device AND c.slot = w.slot AND c.state = 'current'
LEFT JOIN certvendor.slot_key p ON p.factory = w.factory AND p.device = w.device AND p.slot = w.slot AND p.key_id = w.presented_key
LEFT JOIN certvendor.slot_key n ON n.factory = w.factory AND n.device = w.device AND n.slot = w.slot AND n.key_id = w.named_key
LEFT JOIN certvendor.key_claim pc ON pc.factory = w.factory AND pc.key_id = w.presented_key
LEFT JOIN certvendor.key_claim nc ON nc.factory = w.factory AND nc.key_id = w.named_key
LEFT JOIN LATERAL (SELECT x.fingerprint, x.revoked_at FROM certvendor.certificate x
	WHERE x.tbs_digest = w.tbs_digest AND x.factory = w.factory AND x.device = w.device AND x.slot = w.slot
	ORDER BY x.revoked_at NULLS LAST LIMIT 1) t ON true
ORDER BY w.n
