-- $1 token. The lock alone; what it holds is read afterwards.
SELECT FROM certvendor.enrolment_token WHERE id = $1::uuid FOR UPDATE
