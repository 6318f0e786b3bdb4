CREATE TABLE t (id integer, p_id integer);
