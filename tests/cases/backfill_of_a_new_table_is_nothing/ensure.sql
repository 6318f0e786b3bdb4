CREATE TABLE IF NOT EXISTS t (id integer, a integer);
UPDATE t SET a = 0 WHERE a IS NULL;
