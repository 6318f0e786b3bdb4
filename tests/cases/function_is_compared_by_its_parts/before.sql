CREATE TYPE mood AS ENUM ('a');
CREATE FUNCTION same(a int, b varchar(10) DEFAULT 'x') RETURNS TABLE (x int, y text) LANGUAGE sql STABLE STRICT
 SET search_path = public, pg_temp AS $$ SELECT a, b $$;
CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE touch(INOUT n bigint) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
CREATE FUNCTION of_mood(m mood, VARIADIC r int[]) RETURNS mood LANGUAGE sql AS $$ SELECT m $$;
CREATE FUNCTION outs(a int, OUT b text, OUT c int) LANGUAGE sql AS $$ SELECT 'x', a $$;
