-- One row is one trigger of a table or view that the scripts name, those of constraints left out.
SELECT 'trigger', ROW(json_build_array(n.nspname, c.relname, g.tgname, pg_get_triggerdef(g.oid), g.tgenabled))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid
 WHERE NOT g.tgisinternal AND c.oid = ANY ((SELECT r.oids FROM r)::oid[])
