-- The sequencer's turn: one at a time, and nobody waits. No row: nothing to number, or another instance is at it.
SELECT last FROM certvendor.feed
WHERE EXISTS (SELECT FROM certvendor.change WHERE position IS NULL)
FOR UPDATE SKIP LOCKED
