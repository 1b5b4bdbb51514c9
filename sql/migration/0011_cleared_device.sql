-- A deleted id that an operator has cleared: another key may be registered for it, until its own is seen again.

ALTER TABLE certvendor.device ADD COLUMN cleared_at timestamptz;
