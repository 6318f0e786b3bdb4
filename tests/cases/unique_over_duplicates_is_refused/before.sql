CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);
INSERT INTO t SELECT n, n, 'x' || n FROM generate_series(1, 5) n;
UPDATE t SET b = 'SECRET-7f3a' WHERE id IN (2, 4);
