CREATE TABLE t (a integer, c text);
INSERT INTO t VALUES (1, 'kept');
