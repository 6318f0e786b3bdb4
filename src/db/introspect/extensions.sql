SELECT 'extension', ROW(e.extname, e.extversion, n.nspname)::text
  FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = ANY ($4)
