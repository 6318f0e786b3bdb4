-- ensure:titel Users
CREATE TABLE t (id integer);
