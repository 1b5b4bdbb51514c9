-- Whoever takes names for a factory's servers, one after the other until the end of the transaction.
SELECT pg_advisory_xact_lock(7164935610584)
