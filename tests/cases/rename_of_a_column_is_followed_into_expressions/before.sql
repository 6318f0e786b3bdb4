CREATE TABLE p (key integer PRIMARY KEY);
CREATE TABLE t (new integer, other integer, CONSTRAINT c CHECK (new > 0 OR other IS NULL), p integer CONSTRAINT f REFERENCES p (key), twice integer GENERATED ALWAYS AS (new * 2) STORED);
CREATE UNIQUE INDEX i ON t (abs(new)) INCLUDE (other) WHERE new > 7;
