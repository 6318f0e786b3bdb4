CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN short AS varchar(10) CHECK (length(VALUE) < 9);
CREATE TABLE t (id integer PRIMARY KEY, a text NOT NULL DEFAULT 'good', b text, c integer[], d text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, CASE WHEN n % 2 = 0 THEN 'good' ELSE 'bad' END, 'b' || n, ARRAY[n], '{"n": 1}' FROM generate_series(1, 20) AS n;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_c ON t USING gin (c);
CREATE STATISTICS s ON a, b FROM t;
ALTER TABLE t ALTER COLUMN b SET STATISTICS 50, ALTER COLUMN b SET STORAGE EXTERNAL, ALTER COLUMN a SET (n_distinct = 2);
