CREATE TABLE users (id serial PRIMARY KEY, email text);
COMMENT ON TABLE users IS 'people';
COMMENT ON COLUMN users.email IS 'old text';
CREATE INDEX idx_email ON users (email);
COMMENT ON INDEX idx_email IS 'gone soon';
