-- The end of the chain, and how many rows wait to be chained.
SELECT last, hash, (SELECT count(*) FROM certvendor.audit WHERE position IS NULL) FROM certvendor.audit_chain
