CREATE TABLE t (id integer PRIMARY KEY, a varchar(20));
INSERT INTO t VALUES (1, '1.5'), (2, 'SECRET-7f3a'), (3, '123456'), (4, NULL);
