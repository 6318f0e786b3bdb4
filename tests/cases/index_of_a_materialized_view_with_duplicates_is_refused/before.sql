CREATE TABLE t (id integer, word text);
INSERT INTO t VALUES (1, 'a'), (2, 'a');
CREATE MATERIALIZED VIEW kept AS SELECT id, word FROM t;
CREATE INDEX taken ON kept (id);
