CREATE TABLE t (a integer CONSTRAINT strange CHECK (a > 0));
