-- Labels of EST ask different things of a request, so a token can be for one of them, and the same request at
-- another label is another request.

-- NULL: for every label, and for requests without one.
ALTER TABLE certvendor.enrolment_token
	ADD COLUMN label text CHECK (label ~ '^[A-Za-z0-9._~-]{1,128}$');

-- Of the request that the certificate answers; '': it had none; NULL: not known, or not ours.
ALTER TABLE certvendor.certificate ADD COLUMN label text;
