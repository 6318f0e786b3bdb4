CREATE TABLE t (id integer, CONSTRAINT old CHECK (id > 0), CONSTRAINT new CHECK (id > 1));
