-- ensure:when SELECT count(*) FROM pg_class WHERE relname = 't'
ALTER TABLE t ADD COLUMN IF NOT EXISTS c integer;
