CREATE TABLE IF NOT EXISTS s (key text PRIMARY KEY, value text);
INSERT INTO s (key, value) VALUES ('a', '2') ON CONFLICT (key) DO NOTHING;
