CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL DEFAULT 1 CHECK (a >= 0), b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' || n FROM generate_series(1, 20) AS n;
CREATE INDEX t_a ON t (a);
CREATE FUNCTION first_row() RETURNS t LANGUAGE sql AS 'SELECT * FROM t ORDER BY id LIMIT 1';
CREATE FUNCTION copy_row() RETURNS void LANGUAGE sql AS 'INSERT INTO t VALUES (21, 1, NULL)';
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
