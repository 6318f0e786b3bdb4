CREATE TABLE t (id integer, a integer, CONSTRAINT c CHECK (a > 0));
CREATE INDEX i ON t (id);
