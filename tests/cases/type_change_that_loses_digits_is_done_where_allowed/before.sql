CREATE TABLE t (id integer PRIMARY KEY, a numeric(10,2));
INSERT INTO t VALUES (1, 1.5), (2, 1.55), (3, 2.25);
