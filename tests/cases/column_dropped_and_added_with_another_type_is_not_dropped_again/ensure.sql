CREATE TABLE IF NOT EXISTS t (a integer, c integer DEFAULT 7);
-- ensure:allow drop -- nobody reads the numbers
ALTER TABLE t DROP COLUMN c;
ALTER TABLE t ADD COLUMN c text;
