CREATE TABLE t (id integer PRIMARY KEY, a integer, b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' FROM generate_series(1, 20) AS n;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_b ON t (b);
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 2500, reltuples = 60000 WHERE oid = 't'::regclass;
