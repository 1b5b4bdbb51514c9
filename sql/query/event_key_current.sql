-- The key that signs now.
SELECT kid, certificate, sealed_key FROM certvendor.event_key WHERE retired_at IS NULL
