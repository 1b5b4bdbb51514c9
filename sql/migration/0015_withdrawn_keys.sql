-- An operator withdrew the key: it waits for being asked for or announced anew, also where no announcement is needed.
ALTER TABLE certvendor.slot_key ADD COLUMN withdrawn_at timestamptz;
