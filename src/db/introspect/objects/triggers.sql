-- One row is one trigger of a table or view that the scripts name, those of constraints left out.
SELECT 'trigger', json_build_array(r.nspname, r.relname, g.tgname, pg_get_triggerdef(g.oid), g.tgenabled)::text
  FROM relation r
  JOIN pg_catalog.pg_trigger g ON g.tgrelid = r.oid
 WHERE NOT g.tgisinternal
