-- ensure:unless SELECT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'never')
CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
