-- One row is one fact about one object of the schema $1, as a line of text.
WITH rel AS (
    SELECT c.* FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1
), line(line) AS (
    SELECT format('relation %I kind=%s persistence=%s options=%s row_security=%s acl=%s comment=%s', relname, relkind,
                  relpersistence, reloptions, relrowsecurity, relacl, obj_description(oid, 'pg_class'))
      FROM rel WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT format('column %I.%I type=%s collation=%s not_null=%s default=%s identity=%s generated=%s acl=%s comment=%s',
                  r.relname, a.attname, format_type(a.atttypid, a.atttypmod), nullif(l.collname, 'default'), a.attnotnull,
                  pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attacl,
                  col_description(r.oid, a.attnum))
      FROM rel r
      JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
      LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
     WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    -- Since PostgreSQL 18 NOT NULL is a constraint too; the columns tell that already.
    SELECT format('constraint %I.%I %s validated=%s comment=%s', coalesce(r.relname, t.typname), k.conname,
                  pg_get_constraintdef(k.oid), k.convalidated, obj_description(k.oid, 'pg_constraint'))
      FROM pg_catalog.pg_constraint k
      JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace AND n.nspname = $1
      LEFT JOIN rel r ON r.oid = k.conrelid
      LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
     WHERE k.contype <> 'n'
    UNION ALL
    SELECT format('index %s valid=%s ready=%s replica_identity=%s comment=%s', pg_get_indexdef(i.indexrelid), i.indisvalid,
                  i.indisready, i.indisreplident, obj_description(i.indexrelid, 'pg_class'))
      FROM pg_catalog.pg_index i JOIN rel r ON r.oid = i.indexrelid
    UNION ALL
    SELECT format('enum %I labels=%s comment=%s', t.typname,
                  (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                     FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), obj_description(t.oid, 'pg_type'))
      FROM pg_catalog.pg_type t
      JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace AND n.nspname = $1
     WHERE t.typtype = 'e'
    UNION ALL
    SELECT format('sequence %I type=%s start=%s increment=%s min=%s max=%s cache=%s cycle=%s owner=%s', r.relname,
                  format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
                  (SELECT format('%s(%s)', d.refobjid::regclass || '.' || quote_ident(a.attname), d.deptype)
                     FROM pg_catalog.pg_depend d
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')))
      FROM pg_catalog.pg_sequence s JOIN rel r ON r.oid = s.seqrelid
    UNION ALL
    -- From 16 on the server prints columns without their table where one table is read.
    SELECT format('view %I%s', relname, regexp_replace(regexp_replace(pg_get_viewdef(oid), '\s+', ' ', 'g'), '\m\w+\.(?=\w)', '', 'g'))
      FROM rel WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT format('trigger %s enabled=%s', pg_get_triggerdef(g.oid), g.tgenabled)
      FROM pg_catalog.pg_trigger g JOIN rel r ON r.oid = g.tgrelid WHERE NOT g.tgisinternal
    UNION ALL
    SELECT format('policy %I.%I command=%s permissive=%s using=%s check=%s', r.relname, p.polname, p.polcmd,
                  p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      FROM pg_catalog.pg_policy p JOIN rel r ON r.oid = p.polrelid
    UNION ALL
    SELECT format('function %s', pg_get_functiondef(f.oid))
      FROM pg_catalog.pg_proc f
      JOIN pg_catalog.pg_namespace n ON n.oid = f.pronamespace AND n.nspname = $1
     WHERE f.prokind IN ('f', 'p')
)
SELECT line FROM line ORDER BY line COLLATE "C"
