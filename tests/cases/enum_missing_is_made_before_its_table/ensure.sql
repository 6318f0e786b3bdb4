CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE IF NOT EXISTS t (id integer PRIMARY KEY, m mood DEFAULT 'ok' NOT NULL);
