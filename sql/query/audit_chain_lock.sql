-- The chainer's turn: one at a time, and nobody waits. No row: nothing to chain, or another instance is at it.
SELECT last, hash FROM certvendor.audit_chain
WHERE EXISTS (SELECT FROM certvendor.audit WHERE position IS NULL AND isfinite(at))
FOR UPDATE SKIP LOCKED
