-- A token is used up by the first sight of any key that it gave a certificate for an id, so all of them are kept, not
-- the newest alone.

ALTER TABLE certvendor.enrolment_token_use
	DROP CONSTRAINT enrolment_token_use_pkey,
	ADD PRIMARY KEY (token, device, key_id);
