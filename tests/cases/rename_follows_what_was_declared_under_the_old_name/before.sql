CREATE TABLE t (id integer PRIMARY KEY, new text DEFAULT 'x', CONSTRAINT c2 CHECK (id > 0));
CREATE INDEX i2 ON t (new);
