CREATE OR REPLACE FUNCTION same(a integer, b character varying = 'x'::varchar) RETURNS TABLE (x int4, y text)
 AS $body$ SELECT a, b $body$ LANGUAGE SQL STABLE RETURNS NULL ON NULL INPUT SET search_path TO 'public', 'pg_temp' ROWS 1000;
CREATE OR REPLACE FUNCTION other() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';
CREATE OR REPLACE PROCEDURE touch(INOUT n int8) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
CREATE OR REPLACE FUNCTION of_mood(m mood, VARIADIC r int[]) RETURNS mood LANGUAGE sql COST 100 AS $$ SELECT m $$;
CREATE OR REPLACE FUNCTION outs(IN a int, OUT b text, OUT c int) RETURNS record LANGUAGE sql AS $$ SELECT 'x', a $$;
CREATE FUNCTION fresh(d date) RETURNS double precision LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
COMMENT ON FUNCTION fresh(date) IS 'new';
DROP FUNCTION IF EXISTS nobody(int);
