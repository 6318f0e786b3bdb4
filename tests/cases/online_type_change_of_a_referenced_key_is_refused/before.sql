CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL DEFAULT 1 CHECK (a >= 0), b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' || n FROM generate_series(1, 20) AS n;
CREATE INDEX t_a ON t (a);
CREATE TABLE u (id integer PRIMARY KEY, t_id integer REFERENCES t);
CREATE MATERIALIZED VIEW m AS SELECT id FROM t;
CREATE TABLE rows_of_t (was t);
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
