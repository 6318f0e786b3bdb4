CREATE TABLE users (id serial PRIMARY KEY, email text, role text);
CREATE VIEW v AS SELECT id, email FROM users;
CREATE VIEW w AS SELECT id FROM users;
