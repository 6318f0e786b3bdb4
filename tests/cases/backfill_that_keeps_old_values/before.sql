CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE t (id integer PRIMARY KEY, a integer, b text, m mood);
INSERT INTO t SELECT n, n, 'x' || n, 'good' FROM generate_series(1, 5) n;
