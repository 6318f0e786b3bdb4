CREATE TABLE p (id integer PRIMARY KEY);
INSERT INTO p VALUES (1), (2);
CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);
INSERT INTO t SELECT n, n, 'x' || n FROM generate_series(1, 5) n;
