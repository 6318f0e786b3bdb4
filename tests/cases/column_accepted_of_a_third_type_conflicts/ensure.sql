-- ensure:accept t.status varchar
ALTER TABLE t ADD COLUMN IF NOT EXISTS status text DEFAULT 'new' NOT NULL;
