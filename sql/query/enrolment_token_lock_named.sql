-- $1 id, $2 factory.
SELECT FROM certvendor.enrolment_token WHERE id = $1::uuid AND factory = $2 FOR UPDATE
