CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL DEFAULT 1 CHECK (a >= 0), b text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT n, n, 'b' || n FROM generate_series(1, 20) AS n;
CREATE INDEX t_a ON t (a);
ALTER TABLE t ADD COLUMN a__hm numeric(4,1);
CREATE FUNCTION public.t_a__hm() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $hm$
#variable_conflict use_column
BEGIN
  BEGIN
    NEW.a__hm := NEW.a::numeric(4,1);
  EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
    -- No write fails because of a change that is not done yet; all rows are compared before it is.
    NEW.a__hm := NULL;
  END;
  RETURN NEW;
END
$hm$;
CREATE TRIGGER "~a__hm" BEFORE INSERT OR UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.t_a__hm();
ALTER TABLE public.t ENABLE ALWAYS TRIGGER "~a__hm";
ALTER TABLE t DROP COLUMN a__hm;
