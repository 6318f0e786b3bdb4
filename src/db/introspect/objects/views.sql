-- One row is one view or materialised view that the scripts name.
SELECT 'view', json_build_array(r.nspname, r.relname,
    (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
       FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
    c.reloptions, pg_get_viewdef(r.oid), c.relispopulated, pg_has_role(r.relowner, 'USAGE'))::text
  FROM relation r
  JOIN pg_catalog.pg_class c ON c.oid = r.oid
 WHERE r.relkind IN ('v', 'm')
