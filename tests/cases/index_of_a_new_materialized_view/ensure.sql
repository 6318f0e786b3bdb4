CREATE TABLE t (id integer PRIMARY KEY, word text);
CREATE MATERIALIZED VIEW kept AS SELECT id, lower(word) AS word FROM t;
CREATE UNIQUE INDEX kept_id ON kept (id);
CREATE INDEX kept_word ON kept (word) WHERE word <> '';
