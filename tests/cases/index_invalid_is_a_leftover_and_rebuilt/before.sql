CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);
INSERT INTO t SELECT n, n, 'x' || n FROM generate_series(1, 5) n;
ANALYZE t;
CREATE INDEX t_a ON t (b);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass;
