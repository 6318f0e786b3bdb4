INSERT INTO s (key, value) VALUES ('a', '2') ON CONFLICT (key) DO UPDATE SET value = excluded.value;
