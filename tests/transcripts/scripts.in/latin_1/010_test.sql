CREATE TABLE t (id integer);
-- ÿ
