CREATE TABLE t (id integer PRIMARY KEY, a text);
INSERT INTO t VALUES (1, 'short'), (2, 'SECRET-7f3a, far too long');
