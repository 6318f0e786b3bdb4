-- What interrupted work leaves behind, and what mends it: one row is one thing, with the statement of an ensure script. Indexes that
-- are being built now are left alone. Reads the catalog only.
WITH home AS (
    SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
)
-- With the function goes the trigger that calls it.
SELECT 1 AS place, format('function %s and its trigger', p.oid::regprocedure) AS object,
       'a change of type that was not finished keeps two columns in step' AS why,
       format('DROP FUNCTION IF EXISTS %s CASCADE', p.oid::regprocedure) AS sql
  FROM pg_catalog.pg_proc p JOIN home h ON h.oid = p.pronamespace
 WHERE p.proname ~ '__hm$' AND p.prorettype = 'pg_catalog.trigger'::regtype
UNION ALL
SELECT 3, format('constraint %I of %s', k.conname, k.conrelid::regclass), 'a change that was not finished',
       format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', k.conrelid::regclass, k.conname)
  FROM pg_catalog.pg_constraint k JOIN home h ON h.oid = k.connamespace
 WHERE k.contype IN ('c', 'f') AND k.conname ~ '__hm(_nn|_fill|_same|_keep)?$' AND k.conparentid = 0
UNION ALL
SELECT 4, format('column %s.%I', a.attrelid::regclass, a.attname), 'a change of type that was not finished; it has a copy of the values',
       format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', a.attrelid::regclass, a.attname)
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN home h ON h.oid = c.relnamespace
 WHERE a.attname ~ '__hm$' AND NOT a.attisdropped AND a.attnum > 0 AND c.relkind IN ('r', 'p') AND NOT a.attinhcount > 0
UNION ALL
SELECT 5, format('index %s on %s', i.indexrelid::regclass, i.indrelid::regclass),
       CASE WHEN c.relname ~ '(__hm|_ccnew[0-9]*|_ccold[0-9]*)$' THEN 'a build that was not finished' ELSE 'it is not valid: no query uses it' END,
       CASE WHEN c.relname ~ '(__hm|_ccnew[0-9]*|_ccold[0-9]*)$' THEN format('DROP INDEX IF EXISTS %s', i.indexrelid::regclass)
            ELSE regexp_replace(pg_get_indexdef(i.indexrelid), '^(CREATE (UNIQUE )?INDEX)', '\1 IF NOT EXISTS') END
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN home h ON h.oid = c.relnamespace
 WHERE NOT i.indisvalid AND c.relkind = 'i'
   -- An index of a column that goes is dropped with it.
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) AND a.attname ~ '__hm$')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index b WHERE b.index_relid = i.indexrelid)
UNION ALL
SELECT 6, format('constraint %I of %s', k.conname, k.conrelid::regclass), 'it is not validated: rows that were there before it may break it',
       format('ALTER TABLE %s VALIDATE CONSTRAINT %I', k.conrelid::regclass, k.conname)
  FROM pg_catalog.pg_constraint k JOIN home h ON h.oid = k.connamespace
 WHERE NOT k.convalidated AND k.contype IN ('c', 'f') AND k.conname !~ '__hm(_nn|_fill|_same|_keep)?$' AND k.conparentid = 0
   -- One that is not enforced (18) can never be.
   AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
 ORDER BY place, object
