CREATE TABLE i (id integer);
