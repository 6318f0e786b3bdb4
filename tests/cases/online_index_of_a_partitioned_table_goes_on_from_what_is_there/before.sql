CREATE TABLE p (id integer NOT NULL, d date NOT NULL, c integer, w text) PARTITION BY RANGE (d);
CREATE TABLE p_old PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') WITH (autovacuum_enabled = off);
CREATE TABLE p_new PARTITION OF p FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (c);
CREATE TABLE p_new_one PARTITION OF p_new FOR VALUES IN (1) WITH (autovacuum_enabled = off);
CREATE TABLE p_new_rest PARTITION OF p_new DEFAULT WITH (autovacuum_enabled = off);
INSERT INTO p SELECT n, date '2020-12-20' + n, n % 3, 'w' || n FROM generate_series(1, 30) AS n;
CREATE INDEX p_w ON ONLY p (w);
CREATE INDEX p_old_w_idx ON p_old (w);
CREATE INDEX p_new_w_idx ON ONLY p_new (w);
CREATE INDEX p_new_one_w_idx ON p_new_one (w);
ALTER INDEX p_new_w_idx ATTACH PARTITION p_new_one_w_idx;
ALTER INDEX p_w ATTACH PARTITION p_new_w_idx;
CREATE INDEX p_new_rest_w_idx ON p_new_rest (w);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'p_new_rest_w_idx'::regclass;
CREATE INDEX ON ONLY p (c);
-- The statistics say that they are large.
UPDATE pg_class SET relpages = 900, reltuples = 20000 WHERE relname IN ('p_old', 'p_new_one', 'p_new_rest');
