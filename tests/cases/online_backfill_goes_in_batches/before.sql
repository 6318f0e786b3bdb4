CREATE TABLE t (id integer PRIMARY KEY, a integer, b text, c boolean) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, NULL, 'b' FROM generate_series(1, 20) AS n;
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 2500, reltuples = 60000 WHERE oid = 't'::regclass;
