CREATE TABLE IF NOT EXISTS users (id serial PRIMARY KEY, email text);
COMMENT ON TABLE users IS 'people';
COMMENT ON COLUMN users.email IS 'e-mail, it''s unique';
COMMENT ON CONSTRAINT users_pkey ON users IS E'the key\nof users';
COMMENT ON INDEX idx_email IS NULL;
ALTER TABLE users ADD COLUMN IF NOT EXISTS name text;
COMMENT ON COLUMN users.name IS 'overruled';
COMMENT ON COLUMN users.name IS 'full name';
COMMENT ON SCHEMA public IS $$standard public schema, still$$;
