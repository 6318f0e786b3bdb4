-- One row is one comment on something that the scripts name: its kind, schema, name, the part of it, the types of its
-- arguments, the text.
SELECT 'comment', ROW(json_build_array(CASE WHEN a.attnum IS NULL THEN 'relation' ELSE 'column' END,
                                       n.nspname, c.relname, a.attname, NULL, d.description))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = c.oid
  LEFT JOIN pg_catalog.pg_attribute a ON d.objsubid > 0 AND a.attrelid = c.oid AND a.attnum = d.objsubid
 WHERE c.oid = ANY ((SELECT r.oids FROM r)::oid[])
UNION ALL
SELECT 'comment', ROW(json_build_array('constraint', n.nspname, c.relname, k.conname, NULL, d.description))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_constraint'::regclass AND d.objoid = k.oid
 WHERE c.oid = ANY ((SELECT r.oids FROM r)::oid[])
UNION ALL
SELECT 'comment', ROW(json_build_array('trigger', n.nspname, c.relname, g.tgname, NULL, d.description))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_trigger'::regclass AND d.objoid = g.oid
 WHERE c.oid = ANY ((SELECT r.oids FROM r)::oid[])
UNION ALL
SELECT 'comment', ROW(json_build_array('policy', n.nspname, c.relname, p.polname, NULL, d.description))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_policy'::regclass AND d.objoid = p.oid
 WHERE c.oid = ANY ((SELECT r.oids FROM r)::oid[])
UNION ALL
SELECT 'comment', ROW(json_build_array('type', n.nspname, t.typname, NULL, NULL, d.description))::text
  FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_type'::regclass AND d.objoid = t.oid
 WHERE t.typname = ANY ($3) AND n.oid = ANY ((SELECT s.oids FROM s)::oid[])
UNION ALL
SELECT 'comment', ROW(json_build_array('routine', n.nspname, p.proname, NULL, (SELECT json_agg(format_type(a.type, NULL) ORDER BY a.place)
       FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a(type, place)), d.description))::text
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_proc'::regclass AND d.objoid = p.oid
 WHERE p.proname IN (SELECT json_array_elements_text($5::json -> 'routines')) AND n.oid = ANY ((SELECT s.oids FROM s)::oid[])
UNION ALL
SELECT 'comment', ROW(json_build_array('schema', NULL, n.nspname, NULL, NULL, d.description))::text
  FROM pg_catalog.pg_namespace n
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_namespace'::regclass AND d.objoid = n.oid
 WHERE n.oid = ANY ((SELECT s.oids FROM s)::oid[])
UNION ALL
SELECT 'comment', ROW(json_build_array('extension', NULL, e.extname, NULL, NULL, d.description))::text
  FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_extension'::regclass AND d.objoid = e.oid
 WHERE e.extname = ANY ($4)
UNION ALL
SELECT 'comment', ROW(json_build_array('database', NULL, b.datname, NULL, NULL, d.description))::text
  FROM pg_catalog.pg_database b
  JOIN pg_catalog.pg_shdescription d ON d.classoid = 'pg_catalog.pg_database'::regclass AND d.objoid = b.oid
 WHERE b.datname IN (SELECT json_array_elements_text($5::json -> 'databases'))
