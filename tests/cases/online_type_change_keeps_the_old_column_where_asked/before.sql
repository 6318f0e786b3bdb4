CREATE TABLE t (id integer PRIMARY KEY, a integer) WITH (autovacuum_enabled = off);
INSERT INTO t VALUES (1, 2);
