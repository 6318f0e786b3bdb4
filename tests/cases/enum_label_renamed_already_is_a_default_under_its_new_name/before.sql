CREATE TYPE mood AS ENUM ('sad', 'fine');
CREATE TABLE t (id integer PRIMARY KEY, older mood);
INSERT INTO t VALUES (1, 'sad');
