CREATE TABLE s (key text PRIMARY KEY, value text);
INSERT INTO s VALUES ('a', '1');
