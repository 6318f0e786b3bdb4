-- ensure:titel C
CREATE TABLE c (id integer);
