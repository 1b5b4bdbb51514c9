-- $1 factory, $2 device, $3 slot, $4 presented key, $5 named key, $6 TBS digest of the presented certificate,
-- $7 CSR digest, $8 replay window in seconds. One row, whether the device exists or not.
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
		WHERE a.factory = $1 AND a.device = $2 AND a.slot = $3 AND a.state = 'announced') AS announced,
	(SELECT count(*) FROM certvendor.certificate e
		WHERE e.factory = $1 AND e.device = $2 AND e.slot = $3 AND e.key_id = c.key_id
			AND e.revoked_at IS NULL AND e.not_after > now()) AS current_certificates,
	p.state::text AS presented_state,
	p.asked_by = c.key_id AS presented_asked_by_current,
	extract(epoch FROM p.talks_until)::bigint AS presented_talks_until,
	p.first_issued_version AS presented_issued,
	pc.device AS presented_owner,
	n.state::text AS named_state,
	n.asked_by = c.key_id AS named_asked_by_current,
	extract(epoch FROM n.talks_until)::bigint AS named_talks_until,
	n.first_issued_version AS named_issued,
	nc.device AS named_owner,
	t.fingerprint IS NOT NULL AS certificate_is_known,
	t.revoked_at IS NOT NULL AS certificate_is_revoked,
	(SELECT r.fingerprint
		FROM certvendor.certificate r
		JOIN certvendor.slot_key k ON k.factory = $1 AND k.device = $2 AND k.slot = $3
			AND k.key_id = r.key_id
		WHERE r.factory = $1 AND r.device = $2 AND r.slot = $3 AND r.is_ours
			AND ((r.csr_digest = $7 AND (k.state IN ('asked', 'announced')
					OR (k.state = 'current' AND r.recorded_at >= s.activated_at)))
				OR (r.key_id = $5 AND $7 IS NOT NULL AND k.state IN ('asked', 'announced')))
			AND r.revoked_at IS NULL AND r.not_after > now()
			AND r.recorded_at > now() - make_interval(secs => $8::double precision)
		ORDER BY r.csr_digest = $7 DESC, r.recorded_at DESC
		LIMIT 1) AS repeated,
	(extract(epoch FROM d.tokens_void_before) * 1000000)::bigint AS tokens_void_before,
	c.asked_by IS NOT NULL AS current_was_named
FROM (SELECT) AS always
LEFT JOIN certvendor.device d ON d.factory = $1 AND d.id = $2
LEFT JOIN certvendor.slot s ON s.factory = $1 AND s.device = $2 AND s.name = $3
LEFT JOIN certvendor.slot_key c ON c.factory = $1 AND c.device = $2 AND c.slot = $3 AND c.state = 'current'
LEFT JOIN certvendor.slot_key p ON p.factory = $1 AND p.device = $2 AND p.slot = $3 AND p.key_id = $4
LEFT JOIN certvendor.slot_key n ON n.factory = $1 AND n.device = $2 AND n.slot = $3 AND n.key_id = $5
LEFT JOIN certvendor.key_claim pc ON pc.factory = $1 AND pc.key_id = $4
LEFT JOIN certvendor.key_claim nc ON nc.factory = $1 AND nc.key_id = $5
LEFT JOIN LATERAL (SELECT x.fingerprint, x.revoked_at FROM certvendor.certificate x
	WHERE x.tbs_digest = $6 AND x.factory = $1 AND x.device = $2 AND x.slot = $3
	ORDER BY x.revoked_at NULLS LAST LIMIT 1) t ON true
