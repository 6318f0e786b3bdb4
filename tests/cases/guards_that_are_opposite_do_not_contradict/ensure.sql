-- ensure:when SELECT true
ALTER TABLE t ADD COLUMN IF NOT EXISTS c integer;
-- ensure:unless SELECT true
ALTER TABLE t ADD COLUMN IF NOT EXISTS c text;
