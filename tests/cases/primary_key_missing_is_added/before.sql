CREATE TABLE t (id integer NOT NULL, a integer);
INSERT INTO t VALUES (1, 1), (2, 2);
