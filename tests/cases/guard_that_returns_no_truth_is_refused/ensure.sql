-- ensure:when SELECT 7
ALTER TABLE t ADD COLUMN IF NOT EXISTS c integer;
