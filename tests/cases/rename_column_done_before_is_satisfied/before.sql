CREATE TABLE t (new integer);
