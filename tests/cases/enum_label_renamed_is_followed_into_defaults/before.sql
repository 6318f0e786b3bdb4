CREATE TYPE mood AS ENUM ('sad', 'good');
CREATE TABLE t (m mood DEFAULT 'good' NOT NULL);
