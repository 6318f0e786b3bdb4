CREATE TABLE t (id integer PRIMARY KEY, b text);
INSERT INTO t VALUES (1, ' 12 ');
