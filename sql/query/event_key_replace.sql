-- $1 kid, $2 certificate, $3 sealed key. It signs from now on, and the one before it no more.
WITH retired AS (
	UPDATE certvendor.event_key SET retired_at = now() WHERE retired_at IS NULL RETURNING kid
)
INSERT INTO certvendor.event_key (kid, certificate, sealed_key) SELECT $1, $2, $3 FROM (SELECT count(*) FROM retired) r
