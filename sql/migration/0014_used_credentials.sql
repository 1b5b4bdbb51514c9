-- What a token or an approval has given, so that neither gives more than it is for.

-- A token is used up by the first sight of any key that it gave a certificate for an id: all of them are kept, not the
-- newest alone.
ALTER TABLE certvendor.enrolment_token_use
	DROP CONSTRAINT enrolment_token_use_pkey,
	ADD PRIMARY KEY (token, device, key_id);

-- An approval is for one certificate, or one key pair.
ALTER TABLE certvendor.approval ADD COLUMN used_at timestamptz;

UPDATE certvendor.approval a SET used_at = now()
WHERE a.state = 'approved' AND EXISTS (SELECT FROM certvendor.certificate c
	WHERE c.factory = a.factory AND c.device = a.device AND c.is_ours AND c.recorded_at >= a.decided_at
		AND (c.csr_digest = a.csr_digest OR (c.csr_digest IS NULL AND a.identity LIKE '% serverkeygen')));
