-- ensure:online always
ALTER TABLE t ALTER COLUMN a TYPE numeric(4,1);
