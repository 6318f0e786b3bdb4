CREATE TABLE t (id integer);
CREATE INDEX new ON t (id);
