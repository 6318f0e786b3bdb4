CREATE TABLE t (old integer);
