CREATE TABLE users (id serial PRIMARY KEY, email text, role text);
CREATE VIEW v AS SELECT id FROM users UNION ALL SELECT 1;
