INSERT INTO s (key) VALUES ('a');
