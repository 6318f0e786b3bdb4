CREATE TABLE users (id serial PRIMARY KEY, email text, role text);
CREATE VIEW hr AS SELECT id, email FROM users WHERE role = 'hr';
CREATE VIEW wide AS SELECT id FROM users;
CREATE VIEW other AS SELECT id, email FROM users;
COMMENT ON VIEW other IS 'lost with it';
