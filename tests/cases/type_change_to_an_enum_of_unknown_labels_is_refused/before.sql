CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id integer PRIMARY KEY, a varchar(20));
INSERT INTO t VALUES (1, 'sad'), (2, 'SECRET-7f3a');
