CREATE TABLE t (old integer, new integer);
