CREATE TABLE t (id integer PRIMARY KEY, b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, 'b' FROM generate_series(1, 20) AS n;
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
