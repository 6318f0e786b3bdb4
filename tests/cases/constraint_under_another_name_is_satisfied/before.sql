CREATE TABLE t (a integer CONSTRAINT strange CHECK (a > 0), b integer CONSTRAINT odd UNIQUE);
