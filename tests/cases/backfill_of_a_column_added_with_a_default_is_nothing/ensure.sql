ALTER TABLE t ADD COLUMN IF NOT EXISTS active boolean DEFAULT true;
UPDATE t SET active = true WHERE active IS NULL;
