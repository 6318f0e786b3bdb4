CREATE TABLE t (id integer PRIMARY KEY, a__hm_old integer, b text, a numeric(4,1) NOT NULL DEFAULT 1 CHECK (a >= 0)) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' || n, n FROM generate_series(1, 20) AS n;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_a__hm_old ON t (a__hm_old);
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
