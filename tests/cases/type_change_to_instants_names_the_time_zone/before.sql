DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = ''Asia/Kathmandu''', current_database()); END $$;
CREATE TABLE t (id integer PRIMARY KEY, a timestamp, b timestamp);
INSERT INTO t VALUES (1, '2024-01-01 12:00', '2024-01-01 12:00');
