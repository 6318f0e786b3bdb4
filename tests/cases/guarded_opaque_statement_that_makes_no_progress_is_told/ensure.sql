CREATE TABLE IF NOT EXISTS t (id integer);
-- ensure:unless SELECT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'never')
CREATE OR REPLACE AGGREGATE twice(integer) (SFUNC = int4pl, STYPE = integer);
