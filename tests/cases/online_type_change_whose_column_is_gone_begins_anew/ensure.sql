CREATE TABLE IF NOT EXISTS t (id integer PRIMARY KEY, a integer NOT NULL DEFAULT 1, b text);
-- ensure:online always
-- ensure:allow column-reorder -- every statement of the application names its columns
ALTER TABLE t ALTER COLUMN a TYPE numeric(4,1);
