-- Whoever lists an authority, one after the other until the end of the transaction.
SELECT pg_advisory_xact_lock(7164935610586)
