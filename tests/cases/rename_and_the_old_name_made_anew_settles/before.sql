CREATE TABLE t (a integer, CONSTRAINT c CHECK (a > 0));
CREATE INDEX i ON t (a);
