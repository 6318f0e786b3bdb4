-- ensure:online always
ALTER TABLE t ALTER COLUMN a TYPE mood USING a::mood;
-- ensure:online always
ALTER TABLE t ALTER COLUMN b TYPE short;
-- ensure:online always
ALTER TABLE t ALTER COLUMN c TYPE bigint[];
-- ensure:online always
ALTER TABLE t ALTER COLUMN d TYPE json USING d::json;
