CREATE TABLE p (id integer PRIMARY KEY);
INSERT INTO p SELECT generate_series(1, 20);
CREATE TABLE t (id serial PRIMARY KEY, p_id integer REFERENCES p ON DELETE CASCADE, b text) WITH (autovacuum_enabled = off);
INSERT INTO t (p_id) SELECT generate_series(1, 20);
ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey;
COMMENT ON CONSTRAINT t_pkey ON t IS 'the key';
-- The statistics say that it is large.
UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 't'::regclass;
