CREATE TABLE t (id integer, a integer);
INSERT INTO t SELECT n, NULL FROM generate_series(1, 5) n;
