-- ensure:unless SELECT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'twice')
CREATE AGGREGATE twice(integer) (SFUNC = int4pl, STYPE = integer);
CREATE TABLE IF NOT EXISTS t (id integer);
