CREATE TABLE t (id integer PRIMARY KEY, a timestamp, b timestamp) WITH (autovacuum_enabled = off);
INSERT INTO t VALUES (1, '2024-01-01 12:00', '2024-01-01 12:00');
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
