-- ensure:allow data-loss -- a tenth is enough
ALTER TABLE t ALTER COLUMN a TYPE numeric(4,1);
