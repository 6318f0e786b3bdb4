CREATE TABLE t (status integer);
