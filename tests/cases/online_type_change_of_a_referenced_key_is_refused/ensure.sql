-- ensure:online always
ALTER TABLE t ALTER COLUMN id TYPE bigint;
