CREATE TABLE p (id integer PRIMARY KEY);
CREATE TABLE t (id integer);
INSERT INTO t VALUES (1), (2);
