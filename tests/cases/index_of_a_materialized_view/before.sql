CREATE TABLE t (id integer PRIMARY KEY, word text);
INSERT INTO t VALUES (1, 'a'), (2, 'b');
CREATE MATERIALIZED VIEW kept AS SELECT id, word FROM t;
CREATE INDEX there ON kept (word);
CREATE INDEX other ON kept (word);
ANALYZE kept;
