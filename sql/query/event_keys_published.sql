-- What receivers may meet: keys that sign, and those that signed until a day ago. Result: kid, certificate.
SELECT kid, certificate FROM certvendor.event_key
WHERE retired_at IS NULL OR retired_at > now() - interval '1 day' ORDER BY created_at DESC LIMIT 64
