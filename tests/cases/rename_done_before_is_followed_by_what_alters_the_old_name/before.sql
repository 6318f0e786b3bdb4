CREATE TABLE t (new integer);
INSERT INTO t VALUES (1);
