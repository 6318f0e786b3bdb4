CREATE TABLE new (id integer);
