-- $1 factory, $2 kind of what is added to it. One after the other until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended($2 || ' ' || $1, 0))
