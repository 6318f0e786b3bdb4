-- ensure:unless SELECT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'twice')
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE TABLE IF NOT EXISTS t (id integer);
