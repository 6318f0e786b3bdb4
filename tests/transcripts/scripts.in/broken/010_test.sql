CREATE TABLE t (id integer);
CREATE TABEL u (id integer);
