, a AS (
  SELECT a.*, a.attcompression AS compression, c.relname, c.reltype, c.relnamespace, c.relforcerowsecurity, c.reloftype,
      o.typstorage AS old_storage, n.typstorage AS new_storage,
      concat(o.typcategory, n.typcategory) AS categories, o.typoutput, n.typinput,
      pg_get_serial_sequence(p.called, a.attname)::regclass AS sequence
    FROM p
    JOIN pg_catalog.pg_attribute a ON a.attrelid = p.oid AND a.attname = p.name AND NOT a.attisdropped
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_type o ON o.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_type n ON n.oid = p.wanted
), d AS (
  -- What depends on the column.
  SELECT DISTINCT d.classid, d.objid, d.objsubid FROM a JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = a.attrelid
     AND d.refobjsubid = a.attnum AND d.deptype IN ('n', 'a')
), w(oid, depth) AS (
  -- Views on the column, and views on those.
  SELECT r.ev_class, 1 FROM d JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
  UNION
  SELECT r.ev_class, w.depth + 1
    FROM w
    JOIN pg_catalog.pg_depend e ON e.refclassid = 'pg_catalog.pg_class'::regclass AND e.refobjid = w.oid
     AND e.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite r ON r.oid = e.objid AND r.ev_class <> w.oid
), v AS (
  SELECT c.*, x.depth, format('%I.%I', n.nspname, c.relname) AS called
    FROM (SELECT w.oid, max(w.depth) AS depth FROM w GROUP BY w.oid) x
    JOIN pg_catalog.pg_class c ON c.oid = x.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), g AS (
  SELECT g.* FROM d JOIN pg_catalog.pg_trigger g ON d.classid = 'pg_catalog.pg_trigger'::regclass AND g.oid = d.objid
   WHERE NOT g.tgisinternal
), s AS (
  SELECT s.*, format('%I.%I', n.nspname, s.stxname) AS called
    FROM d
    JOIN pg_catalog.pg_statistic_ext s ON d.classid = 'pg_catalog.pg_statistic_ext'::regclass AND s.oid = d.objid
    JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
), i AS (
  SELECT i.*, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS called, c.reltablespace
    FROM a
    JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisvalid
     AND (a.attnum = ANY (i.indkey) OR i.indexrelid IN (SELECT d.objid FROM d WHERE d.classid = 'pg_catalog.pg_class'::regclass))
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), k AS (
  SELECT k.* FROM a JOIN pg_catalog.pg_constraint k ON k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey)
), u AS (
  -- Triggers that an UPDATE of another column fires, those of ours excepted, which change a column of ours alone.
  SELECT g.* FROM p JOIN pg_catalog.pg_trigger g ON g.tgrelid = p.oid AND NOT g.tgisinternal AND g.tgtype & 16 <> 0
     AND g.tgattr::text = '' AND g.tgname !~ '^~.*__hm$'
)
SELECT json_build_object(
  'last', NOT EXISTS (SELECT FROM pg_catalog.pg_attribute o
                       WHERE o.attrelid = a.attrelid AND o.attnum > a.attnum AND NOT o.attisdropped AND o.attname <> p.shadow),
  'body', (SELECT f.prosrc FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid
            WHERE g.tgrelid = a.attrelid AND g.tgname = p.trigger AND f.proname = p.function AND f.pronamespace = a.relnamespace),
  'fires', EXISTS (SELECT FROM u WHERE u.tgenabled = 'O'),
  'replica', p.replica,
  'not_null', (SELECT k.conname FROM k WHERE k.contype = 'n' AND array_length(k.conkey, 1) = 1),
  'sequence', (SELECT json_build_array(format('%I.%I', n.nspname, c.relname), format_type(q.seqtypid, NULL))
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid WHERE c.oid = a.sequence),
  'tablespaces', (SELECT json_object_agg(i.name, t.spcname) FROM i JOIN pg_catalog.pg_tablespace t ON t.oid = i.reltablespace),
  -- Dates, times and money are written and read as the session is set.
  'session', a.categories ~ '[DT]' AND coalesce(
      (SELECT CASE k.castmethod WHEN 'f' THEN (SELECT f.provolatile <> 'i' FROM pg_catalog.pg_proc f WHERE f.oid = k.castfunc)
                                WHEN 'b' THEN false END
         FROM pg_catalog.pg_cast k WHERE k.castsource = a.atttypid AND k.casttarget = p.wanted),
      a.atttypid <> p.wanted AND EXISTS (
        SELECT FROM pg_catalog.pg_proc f WHERE f.oid IN (a.typoutput, a.typinput) AND f.provolatile <> 'i')),
  'obstacles', to_json(ARRAY(
    SELECT DISTINCT x.what FROM (
      SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' uses it' AS what
        FROM d WHERE d.classid IN ('pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_publication_rel'::regclass,
                                   'pg_catalog.pg_proc'::regclass)
      UNION ALL
      SELECT pg_describe_object('pg_catalog.pg_class'::regclass, f.adrelid, f.adnum) || ' is generated from it'
        FROM d JOIN pg_catalog.pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND f.oid = d.objid
       WHERE f.adnum <> a.attnum
      UNION ALL
      SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' is generated from it'
        FROM d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid <> 0
      UNION ALL
      SELECT CASE v.relkind WHEN 'm' THEN 'materialized view ' ELSE 'a rule of ' END || v.called || ' uses it' FROM v WHERE v.relkind <> 'v'
      UNION ALL
      SELECT 'view ' || v.called || ' uses it, and belongs to ' || pg_get_userbyid(v.relowner)
        FROM v WHERE v.relkind = 'v' AND NOT pg_has_role(v.relowner, 'USAGE')
      UNION ALL
      SELECT 'view ' || v.called || ' uses it, and has a trigger' FROM v
       WHERE v.relkind = 'v' AND EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = v.oid)
      UNION ALL
      SELECT 'view ' || v.called || ' uses it, and has a rule' FROM v
       WHERE v.relkind = 'v' AND EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = v.oid AND r.rulename <> '_RETURN')
      UNION ALL
      SELECT 'view ' || v.called || ' uses it, and ' || pg_describe_object(e.classid, e.objid, e.objsubid) || ' uses the view'
        FROM v JOIN pg_catalog.pg_depend e ON e.deptype = 'n'
         AND (e.refclassid = 'pg_catalog.pg_class'::regclass AND e.refobjid = v.oid
              OR e.refclassid = 'pg_catalog.pg_type'::regclass AND e.refobjid = v.reltype)
         AND e.classid <> 'pg_catalog.pg_rewrite'::regclass
      UNION ALL
      SELECT format('foreign key %I of %s refers to it', f.conname, f.conrelid::regclass) FROM pg_catalog.pg_constraint f
       WHERE f.contype = 'f' AND f.confrelid = a.attrelid AND a.attnum = ANY (f.confkey)
      UNION ALL
      SELECT 'table ' || h.inhrelid::regclass || ' inherits it' FROM pg_catalog.pg_inherits h WHERE h.inhparent = a.attrelid
      UNION ALL
      SELECT 'the table is one of a type' WHERE a.reloftype <> 0
      UNION ALL
      SELECT 'the table belongs to an extension' FROM pg_catalog.pg_depend e
       WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = a.attrelid AND e.deptype = 'e'
      UNION ALL
      SELECT pg_describe_object('pg_catalog.pg_class'::regclass, o.attrelid, o.attnum) || ' holds rows of the table'
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute o ON o.atttypid IN (t.oid, t.typarray) AND NOT o.attisdropped
       WHERE t.oid = a.reltype
      UNION ALL
      SELECT 'its rows are hidden from their owner by row-level security' WHERE a.relforcerowsecurity
      UNION ALL
      SELECT 'the table has a rule for UPDATE' FROM pg_catalog.pg_rewrite r WHERE r.ev_class = a.attrelid AND r.ev_type IN ('2', '3')
      UNION ALL
      SELECT format('trigger %I would come after the one that keeps the columns in step', g.tgname)
        FROM pg_catalog.pg_trigger g
       WHERE g.tgrelid = a.attrelid AND NOT g.tgisinternal AND g.tgtype & 2 <> 0 AND g.tgtype & 20 <> 0
         AND g.tgname::text COLLATE "C" > p.trigger::text COLLATE "C" AND g.tgname !~ '^~.*__hm$'
      UNION ALL
      SELECT 'the table has had ' || max(o.attnum) || ' columns, dropped ones included' FROM pg_catalog.pg_attribute o
       WHERE o.attrelid = a.attrelid HAVING max(o.attnum) > 1400
    ) x ORDER BY 1)),
  'breaks', to_json(ARRAY(
      SELECT format('trigger %I would fire for every row', u.tgname) FROM u
       WHERE u.tgenabled IN ('A', 'R') OR u.tgenabled = 'O' AND NOT p.replica
      UNION ALL
      SELECT format('publication %I takes the new column to subscribers, who have to have one of its name', b.pubname)
        FROM pg_catalog.pg_publication_tables b JOIN pg_catalog.pg_namespace n ON n.nspname = b.schemaname
       WHERE n.oid = a.relnamespace AND b.tablename = a.relname
      ORDER BY 1)),
  'by_order', to_json(ARRAY(
      SELECT f.oid::regprocedure::text FROM pg_catalog.pg_proc f, regexp_replace(a.relname, '([^[:alnum:]_])', '\\\1', 'g') AS x(name)
       WHERE f.pronamespace <> 'pg_catalog'::regnamespace
         AND (a.reltype = f.prorettype OR a.reltype = ANY (f.proargtypes)
              OR f.prosrc ~* ('\m' || x.name || '"?\s*%\s*rowtype')
              OR f.prosrc ~* ('insert\s+into\s+([a-z0-9_"]+\s*\.\s*)?"?' || x.name || '"?\s+(values|select|table|with)\M'))
       ORDER BY 1)),
  'before', to_json(ARRAY(
    SELECT x.sql FROM (
      SELECT 1, -v.depth, 'DROP VIEW ' || v.called FROM v
      UNION ALL
      SELECT 2, 0, format('DROP TRIGGER %I ON %s', g.tgname, p.called) FROM g
      UNION ALL
      SELECT 3, 0, 'DROP STATISTICS ' || s.called FROM s
    ) x(rank, place, sql) ORDER BY x.rank, x.place, x.sql)),
  'after', to_json(ARRAY(
    SELECT x.sql FROM (
      SELECT 1, 0, format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', p.called, a.attname, a.attstattarget)
       WHERE a.attstattarget >= 0
      UNION ALL
      SELECT 1, 1, format('ALTER TABLE %s ALTER COLUMN %I SET STORAGE %s', p.called, a.attname,
               CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END)
       WHERE a.attstorage <> a.old_storage AND a.new_storage <> 'p'
      UNION ALL
      SELECT 1, 2, format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION %s', p.called, a.attname,
               CASE a.compression WHEN 'l' THEN 'lz4' ELSE 'pglz' END)
       WHERE a.compression <> '' AND a.new_storage <> 'p'
      UNION ALL
      SELECT 1, 3, format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', p.called, a.attname, array_to_string(a.attoptions, ', '))
       WHERE a.attoptions IS NOT NULL
      UNION ALL
      SELECT 2, 0, format('GRANT %s (%I) ON %s TO %s%s', x.privilege_type, a.attname, p.called,
               CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
               CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM aclexplode(a.attacl) x
      UNION ALL
      SELECT 2, 1, format('COMMENT ON COLUMN %s.%I IS %L', p.called, a.attname, col_description(a.attrelid, a.attnum))
       WHERE col_description(a.attrelid, a.attnum) IS NOT NULL
      UNION ALL
      SELECT 3, v.depth, 'CREATE VIEW ' || v.called || coalesce(' WITH (' || array_to_string(v.reloptions, ', ') || ')', '') || ' AS '
               || rtrim(ltrim(pg_get_viewdef(v.oid)), ';')
        FROM v WHERE v.relkind = 'v'
      UNION ALL
      SELECT 4, 0, format('ALTER VIEW %s OWNER TO %I', v.called, pg_get_userbyid(v.relowner)) FROM v
       WHERE pg_get_userbyid(v.relowner) <> current_user
      UNION ALL
      SELECT 4, 1, format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', v.called, o.attname, pg_get_expr(f.adbin, f.adrelid))
        FROM v JOIN pg_catalog.pg_attrdef f ON f.adrelid = v.oid
        JOIN pg_catalog.pg_attribute o ON o.attrelid = f.adrelid AND o.attnum = f.adnum
      UNION ALL
      SELECT 4, 2, format('GRANT %s ON %s TO %s%s', x.privilege_type, v.called,
               CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
               CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM v, aclexplode(v.relacl) x WHERE x.grantee <> v.relowner
      UNION ALL
      SELECT 4, 3, format('GRANT %s (%I) ON %s TO %s%s', x.privilege_type, o.attname, v.called,
               CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
               CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM v JOIN pg_catalog.pg_attribute o ON o.attrelid = v.oid, aclexplode(o.attacl) x
      UNION ALL
      SELECT 4, 4, format('COMMENT ON VIEW %s IS %L', v.called, obj_description(v.oid, 'pg_class')) FROM v
       WHERE obj_description(v.oid, 'pg_class') IS NOT NULL
      UNION ALL
      SELECT 4, 5, format('COMMENT ON COLUMN %s.%I IS %L', v.called, o.attname, col_description(v.oid, o.attnum))
        FROM v JOIN pg_catalog.pg_attribute o ON o.attrelid = v.oid AND o.attnum > 0
       WHERE col_description(v.oid, o.attnum) IS NOT NULL
      UNION ALL
      SELECT 5, 0, pg_get_triggerdef(g.oid) FROM g
      UNION ALL
      SELECT 5, 1, format('ALTER TABLE %s %s TRIGGER %I', p.called,
               CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, g.tgname)
        FROM g WHERE g.tgenabled <> 'O'
      UNION ALL
      SELECT 5, 2, format('COMMENT ON TRIGGER %I ON %s IS %L', g.tgname, p.called, obj_description(g.oid, 'pg_trigger')) FROM g
       WHERE obj_description(g.oid, 'pg_trigger') IS NOT NULL
      UNION ALL
      SELECT 6, 0, pg_get_statisticsobjdef(s.oid) FROM s
      UNION ALL
      SELECT 6, 1, format('COMMENT ON STATISTICS %s IS %L', s.called, obj_description(s.oid, 'pg_statistic_ext')) FROM s
       WHERE obj_description(s.oid, 'pg_statistic_ext') IS NOT NULL
      UNION ALL
      SELECT 7, 0, format('COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname, p.called, obj_description(k.oid, 'pg_constraint')) FROM k
       WHERE k.contype IN ('c', 'f', 'p', 'u') AND obj_description(k.oid, 'pg_constraint') IS NOT NULL
      UNION ALL
      SELECT 7, 1, format('COMMENT ON INDEX %s IS %L', i.called, obj_description(i.indexrelid, 'pg_class')) FROM i
       WHERE obj_description(i.indexrelid, 'pg_class') IS NOT NULL
      UNION ALL
      SELECT 7, 2, format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', p.called, i.name) FROM i WHERE i.indisreplident
      UNION ALL
      SELECT 7, 3, format('ALTER TABLE %s CLUSTER ON %I', p.called, i.name) FROM i WHERE i.indisclustered
    ) x(rank, place, sql) ORDER BY x.rank, x.place, x.sql)))
  FROM p, a
