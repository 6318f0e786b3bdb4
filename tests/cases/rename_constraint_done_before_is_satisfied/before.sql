CREATE TABLE t (id integer, CONSTRAINT new CHECK (id > 0));
