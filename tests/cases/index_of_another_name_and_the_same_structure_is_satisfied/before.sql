CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);
INSERT INTO t SELECT n, n, 'x' || n FROM generate_series(1, 5) n;
CREATE INDEX by_hand ON t (a);
ALTER TABLE t ADD CONSTRAINT t_b_key UNIQUE (b);
