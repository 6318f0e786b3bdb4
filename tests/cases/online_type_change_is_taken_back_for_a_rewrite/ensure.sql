-- ensure:allow rewrite -- at night
ALTER TABLE t ALTER COLUMN a TYPE numeric(4,1);
