-- ensure:allow drop -- nobody reads it
ALTER TABLE t DROP COLUMN IF EXISTS b;
