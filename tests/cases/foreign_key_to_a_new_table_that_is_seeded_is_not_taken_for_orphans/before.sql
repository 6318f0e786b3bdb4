CREATE TABLE users (id integer PRIMARY KEY, role_id integer);
INSERT INTO users VALUES (1, 7);
