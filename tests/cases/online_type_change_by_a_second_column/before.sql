CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL DEFAULT 1 CHECK (a >= 0), b text, u timestamptz) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' || n FROM generate_series(1, 20) AS n;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_b ON t (b) WHERE a > 5;
CREATE UNIQUE INDEX t_sum ON t ((a + id), b DESC);
ALTER TABLE t ADD CONSTRAINT t_both UNIQUE (a, id);
COMMENT ON COLUMN t.a IS 'days';
GRANT SELECT (a) ON t TO PUBLIC;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.u := now(); RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER changed BEFORE UPDATE OF a ON t FOR EACH ROW WHEN (NEW.a <> OLD.a) EXECUTE FUNCTION touch();
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
