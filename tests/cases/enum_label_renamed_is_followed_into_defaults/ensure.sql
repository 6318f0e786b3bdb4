CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE IF NOT EXISTS t (m mood DEFAULT 'ok'::mood NOT NULL);
ALTER TYPE mood RENAME VALUE 'ok' TO 'good';
