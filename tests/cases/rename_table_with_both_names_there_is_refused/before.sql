CREATE TABLE old (id integer);
CREATE TABLE new (id integer);
