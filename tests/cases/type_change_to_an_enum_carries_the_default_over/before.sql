CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE t (id integer PRIMARY KEY, a varchar(20) DEFAULT 'ok' NOT NULL);
INSERT INTO t VALUES (1, 'sad');
