CREATE TABLE t (id integer, CONSTRAINT old CHECK (id > 0));
