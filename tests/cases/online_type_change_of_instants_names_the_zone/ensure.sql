-- ensure:online always
ALTER TABLE t ALTER COLUMN a TYPE timestamptz USING a AT TIME ZONE 'UTC';
-- ensure:online always
ALTER TABLE t ALTER COLUMN b TYPE timestamptz;
