CREATE TABLE users (id integer PRIMARY KEY);
INSERT INTO users SELECT generate_series(1, 3);
