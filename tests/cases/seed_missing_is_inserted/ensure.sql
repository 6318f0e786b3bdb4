INSERT INTO s (key, value) VALUES ('a', '2'), ('b', '2') ON CONFLICT (key) DO NOTHING;
