CREATE TABLE p (id integer PRIMARY KEY);
INSERT INTO p SELECT generate_series(1, 20);
CREATE TABLE t (id integer PRIMARY KEY, a integer, b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' FROM generate_series(1, 20) AS n;
CREATE TABLE small (id integer, p_id integer, t_id integer) WITH (autovacuum_enabled = off);
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 2500, reltuples = 60000 WHERE oid = 't'::regclass;
