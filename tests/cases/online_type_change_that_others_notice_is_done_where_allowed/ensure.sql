-- ensure:online always
-- ensure:allow breaking -- the subscribers have the column
ALTER TABLE t ALTER COLUMN a TYPE bigint;
