CREATE TABLE k (a integer, b text, c integer NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO k SELECT n, 'b', n FROM generate_series(1, 20) AS n;
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 2500, reltuples = 60000 WHERE oid = 'k'::regclass;
