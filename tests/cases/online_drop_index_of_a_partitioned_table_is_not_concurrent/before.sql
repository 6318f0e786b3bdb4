CREATE TABLE p (id integer NOT NULL, d date NOT NULL, c integer, w text) PARTITION BY RANGE (d);
CREATE TABLE p_old PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') WITH (autovacuum_enabled = off);
CREATE TABLE p_new PARTITION OF p FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (c);
CREATE TABLE p_new_one PARTITION OF p_new FOR VALUES IN (1) WITH (autovacuum_enabled = off);
CREATE TABLE p_new_rest PARTITION OF p_new DEFAULT WITH (autovacuum_enabled = off);
INSERT INTO p SELECT n, date '2020-12-20' + n, n % 3, 'w' || n FROM generate_series(1, 30) AS n;
CREATE INDEX p_w ON p (w);
-- The statistics say that they are large.
UPDATE pg_class SET relpages = 900, reltuples = 20000 WHERE relname IN ('p_old', 'p_new_one', 'p_new_rest');
-- Nothing but its index is named.
CREATE TABLE q (d date) PARTITION BY RANGE (d);
CREATE INDEX q_d ON q (d);
