-- The sequencer's turn: one at a time, and nobody waits. No row: another instance is at it.
SELECT last FROM certvendor.feed FOR UPDATE SKIP LOCKED
