-- One row is one view or materialised view that the scripts name.
SELECT 'view', ROW(json_build_array(n.nspname, c.relname,
    (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
       FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    c.reloptions, pg_get_viewdef(c.oid), c.relispopulated, pg_has_role(c.relowner, 'USAGE')))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('v', 'm') AND c.oid = ANY ((SELECT r.oids FROM r)::oid[])
