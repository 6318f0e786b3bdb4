CREATE TABLE t (id integer);
CREATE INDEX old ON t (id);
CREATE INDEX new ON t (id);
