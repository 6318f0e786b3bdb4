ALTER TABLE t ADD COLUMN IF NOT EXISTS c integer DEFAULT 1;

-- ensure:verify every row has c
SELECT id FROM t WHERE c IS NULL;
