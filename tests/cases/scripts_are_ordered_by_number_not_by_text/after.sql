CREATE TABLE t (id integer, a integer);
CREATE INDEX t_a ON t (a);
