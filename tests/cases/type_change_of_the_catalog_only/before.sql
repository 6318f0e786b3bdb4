CREATE TABLE t (a varchar(10), b varchar(10), c numeric(4,1));
INSERT INTO t VALUES ('x', 'y', 1.5);
