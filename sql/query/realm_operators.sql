-- Those that may log in.
SELECT certificate FROM certvendor.operator_certificate WHERE revoked_at IS NULL AND expires_at > now()
