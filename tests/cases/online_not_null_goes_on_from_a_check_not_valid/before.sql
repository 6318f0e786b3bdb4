CREATE TABLE t (id integer PRIMARY KEY, a integer, b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' FROM generate_series(1, 20) AS n;
ALTER TABLE t ADD CONSTRAINT a__hm_nn CHECK (a IS NOT NULL) NOT VALID;
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 2500, reltuples = 60000 WHERE oid = 't'::regclass;
