CREATE TABLE t (id integer PRIMARY KEY, b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, 'b' FROM generate_series(1, 20) AS n;
ALTER TABLE t ADD COLUMN m integer;
CREATE SEQUENCE t_m_seq AS integer OWNED BY t.m;
ALTER TABLE t ALTER COLUMN m SET DEFAULT nextval('t_m_seq'), ADD CONSTRAINT m__hm_fill CHECK ((m IS NULL) IS NOT NULL) NOT VALID;
UPDATE t SET m = DEFAULT WHERE id < 10;
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
