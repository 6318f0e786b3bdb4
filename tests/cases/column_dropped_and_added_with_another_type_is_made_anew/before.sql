CREATE TABLE t (a integer, c integer DEFAULT 7);
INSERT INTO t VALUES (1, 2);
