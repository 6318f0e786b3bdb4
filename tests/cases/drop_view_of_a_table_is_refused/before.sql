CREATE TABLE v (id integer);
