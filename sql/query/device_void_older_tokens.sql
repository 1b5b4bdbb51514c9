-- $1 factory, $2 device, $3 token: those that were made before it.
UPDATE certvendor.device
SET tokens_void_before = greatest(tokens_void_before,
	(SELECT t.created_at FROM certvendor.enrolment_token t WHERE t.id = $3::uuid))
WHERE factory = $1 AND id = $2
