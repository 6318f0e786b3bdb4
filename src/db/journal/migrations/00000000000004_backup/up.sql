-- New journals have it from the beginning.
ALTER TABLE runs ADD COLUMN IF NOT EXISTS backup text;
