-- ensure:when SELECT true
ALTER TABLE t ADD COLUMN IF NOT EXISTS c integer;
-- ensure:unless SELECT false
ALTER TABLE t ADD COLUMN IF NOT EXISTS d integer;
