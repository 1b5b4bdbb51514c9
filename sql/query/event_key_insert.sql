-- $1 kid, $2 certificate, $3 sealed key. The first one; nothing when another instance was quicker.
INSERT INTO certvendor.event_key (kid, certificate, sealed_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
