-- ensure:when SELECT 1
ALTER TABLE t ADD COLUMN IF NOT EXISTS c integer;
