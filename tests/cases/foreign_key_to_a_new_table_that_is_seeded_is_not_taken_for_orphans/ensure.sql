CREATE TABLE IF NOT EXISTS roles (id integer PRIMARY KEY, name text);
INSERT INTO roles (id, name) VALUES (7, 'admin') ON CONFLICT (id) DO NOTHING;
ALTER TABLE users ADD CONSTRAINT users_role_fkey FOREIGN KEY (role_id) REFERENCES roles (id);
