-- ensure:allow blocking-lock -- at night
ALTER TABLE t ALTER COLUMN a TYPE varchar(255);
-- ensure:online always
ALTER TABLE t ALTER COLUMN b TYPE varchar(255);
