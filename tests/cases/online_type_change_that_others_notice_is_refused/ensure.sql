-- ensure:online always
ALTER TABLE t ALTER COLUMN a TYPE bigint;
