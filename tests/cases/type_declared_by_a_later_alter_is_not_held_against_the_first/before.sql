CREATE TABLE t (a numeric(4,1));
