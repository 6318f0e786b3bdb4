CREATE TABLE IF NOT EXISTS users (id serial PRIMARY KEY, email text, salary integer);
CREATE TABLE IF NOT EXISTS leaves (id serial PRIMARY KEY);
GRANT ALL ON users TO objects_app;
REVOKE DELETE, TRUNCATE ON TABLE users FROM objects_app;
GRANT SELECT (id, email) ON users TO objects_reader;
GRANT SELECT ON leaves, users_id_seq TO objects_app, objects_reader WITH GRANT OPTION;
GRANT USAGE ON SCHEMA public TO objects_reader;
REVOKE ALL ON leaves FROM PUBLIC;
