CREATE TABLE t (id integer PRIMARY KEY, a integer) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n FROM generate_series(1, 20) AS n;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE t ENABLE ALWAYS TRIGGER touch;
CREATE PUBLICATION p FOR TABLE t;
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
