-- ensure:online always
ALTER TABLE t ALTER COLUMN id TYPE bigint;
-- ensure:online always
ALTER TABLE t ALTER COLUMN p_id TYPE bigint;
