CREATE TABLE t (id integer PRIMARY KEY, a varchar(50) CHECK (a <> ''), b varchar(50), c varchar(50)) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, n, n FROM generate_series(1, 20) AS n;
CREATE INDEX t_b ON t (lower(b));
CREATE INDEX t_c ON t (c);
