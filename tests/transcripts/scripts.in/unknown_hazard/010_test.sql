-- ensure:allow rewrit
CREATE TABLE t (id integer);
