CREATE TABLE t (id integer PRIMARY KEY, a numeric(4,1) DEFAULT 1, b varchar(5) DEFAULT 'x', c varchar(5) DEFAULT NULL, d bit(3) DEFAULT NULL);
