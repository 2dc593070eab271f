-- Switched on again after a time off: what arrived meanwhile is left out until its owner asks for it.
ALTER TABLE folders ADD COLUMN was_off INTEGER NOT NULL DEFAULT FALSE;
