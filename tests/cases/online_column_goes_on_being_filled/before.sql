CREATE TABLE t (id integer PRIMARY KEY, a integer, b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' FROM generate_series(1, 20) AS n;
ALTER TABLE t ADD COLUMN token uuid, ALTER COLUMN token SET DEFAULT gen_random_uuid(), ADD CONSTRAINT token__hm_fill CHECK ((token IS NULL) IS NOT NULL) NOT VALID;
UPDATE t SET token = DEFAULT WHERE id < 10;
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
