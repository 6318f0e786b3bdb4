CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);
INSERT INTO t SELECT n, n, 'x' || n FROM generate_series(1, 5) n;
CREATE INDEX t_a ON t (a DESC NULLS LAST, b);
CREATE UNIQUE INDEX t_lower ON t (lower(b)) WHERE a > 0;
CREATE INDEX t_inc ON t (a) INCLUDE (b);
CREATE INDEX t_pattern ON t (b text_pattern_ops);
