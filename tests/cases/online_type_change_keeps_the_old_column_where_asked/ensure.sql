-- ensure:online always
-- ensure:keep-old
ALTER TABLE t ALTER COLUMN a TYPE numeric(4,1);
