-- One row is one part of the snapshot: its kind and its content as JSON. Reads only what the parameters name, each by an
-- index of the catalog, so that other tables of the database cost nothing. Takes no lock on any table, except ACCESS SHARE
-- on tables with a CHECK, a generated column, a partial or an expression index (the server's own deparsing takes it) and on
-- __diesel_schema_migrations.
--
-- $1, $2 schemas and names of qualified relations    $3 tables without a schema    $4 indexes, sequences without a schema
-- $5 types by bare name    $6 schemas    $7 extensions    $8 --schema, or null    $9 whether base migrations are there
WITH path AS MATERIALIZED (
  SELECT n.oid, n.nspname, p.place
    FROM json_array_elements_text(current_setting('hrms_migrate.schemas')::json) WITH ORDINALITY p(name, place)
    JOIN pg_catalog.pg_namespace n ON n.nspname = p.name
), target AS MATERIALIZED (
  SELECT coalesce($8,
      (SELECT p.nspname::text FROM path p
        WHERE EXISTS (SELECT FROM pg_catalog.pg_class c
                       WHERE c.relname = ANY ($3) AND c.relnamespace = p.oid AND c.relkind IN ('r', 'p'))
        ORDER BY p.place LIMIT 1),
      (SELECT p.nspname::text FROM path p ORDER BY p.place LIMIT 1)) AS nspname
), wanted AS MATERIALIZED (
  SELECT u.nspname, u.relname FROM unnest($1, $2) u(nspname, relname)
   UNION SELECT t.nspname, u.relname FROM target t, unnest($3 || $4) u(relname)
), relation AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpages, c.reltuples, c.relowner, c.relispartition
    FROM wanted w
    JOIN pg_catalog.pg_namespace n ON n.nspname = w.nspname
    JOIN pg_catalog.pg_class c ON c.relname = w.relname AND c.relnamespace = n.oid
)
SELECT 'server' AS kind, json_build_object(
    'version', current_setting('server_version_num')::int,
    'database', current_database(),
    'role', current_user,
    'superuser', (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user),
    'may_create_schema', has_database_privilege(current_database(), 'CREATE'),
    'in_recovery', pg_is_in_recovery(),
    'read_only', current_setting('default_transaction_read_only') = 'on',
    'time_zone', current_setting('hrms_migrate.time_zone'),
    'horizon', pg_current_snapshot()::text,
    'target', (SELECT t.nspname FROM target t),
    'search_path', (SELECT json_agg(p.nspname ORDER BY p.place) FROM path p),
    'also_in', CASE WHEN $8 IS NULL THEN
        (SELECT json_agg(json_build_array(p.nspname, c.relname))
           FROM path p JOIN pg_catalog.pg_class c ON c.relnamespace = p.oid AND c.relname = ANY ($3)
          WHERE c.relkind IN ('r', 'p')
            AND NOT EXISTS (SELECT FROM relation r, target t
                             WHERE r.nspname = t.nspname AND r.relname = c.relname)) END)::text AS content
UNION ALL
SELECT 'schemas', json_agg(json_build_array(n.nspname, has_schema_privilege(n.oid, 'CREATE'),
                                            has_schema_privilege(n.oid, 'USAGE')))::text
  FROM pg_catalog.pg_namespace n
 WHERE n.nspname = ANY ($6 || $1) OR n.nspname = (SELECT t.nspname FROM target t)
UNION ALL
SELECT 'relation', json_build_array(r.nspname, r.relname, r.relkind, tn.nspname, tc.relname)::text
  FROM relation r
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = r.oid
  LEFT JOIN pg_catalog.pg_class tc ON tc.oid = i.indrelid
  LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = tc.relnamespace
 WHERE r.relkind NOT IN ('r', 'p')
UNION ALL
SELECT 'table', json_build_object(
    'schema', r.nspname, 'name', r.relname, 'partitioned', r.relkind = 'p',
    'inherits', r.relispartition OR EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = r.oid),
    'owner', pg_get_userbyid(r.relowner), 'owned', pg_has_role(r.relowner, 'USAGE'),
    'privileges', json_build_array(has_table_privilege(r.oid, 'SELECT'), has_table_privilege(r.oid, 'INSERT'),
                                   has_table_privilege(r.oid, 'UPDATE'), has_table_privilege(r.oid, 'REFERENCES')),
    'pages', r.relpages, 'rows', r.reltuples::bigint,
    'columns', (
      SELECT json_agg(json_build_array(a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                 pg_get_expr(d.adbin, CASE WHEN a.attgenerated = '' THEN 0 ELSE d.adrelid END),
                 a.attidentity, a.attgenerated, a.attcollation::int8) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        LEFT JOIN pg_catalog.pg_attrdef d ON a.atthasdef AND d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'owned_sequences', (
      SELECT json_agg(json_build_array(p.refobjsubid, n.nspname, s.relname))
        FROM pg_catalog.pg_depend p
        JOIN pg_catalog.pg_class s ON s.oid = p.objid AND s.relkind = 'S'
        JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
       WHERE p.refclassid = 'pg_catalog.pg_class'::regclass AND p.refobjid = r.oid AND p.refobjsubid > 0
         AND p.classid = 'pg_catalog.pg_class'::regclass AND p.deptype IN ('a', 'i')),
    'constraints', (
      SELECT json_agg(json_build_array(k.conname, k.contype, k.convalidated, k.condeferrable, k.condeferred, k.connoinherit,
                 k.conkey,
                 CASE WHEN k.contype = 'f' THEN json_build_array(
                     fn.nspname, fc.relname,
                     (SELECT json_agg(fa.attname ORDER BY f.place)
                        FROM unnest(k.confkey) WITH ORDINALITY f(attnum, place)
                        JOIN pg_catalog.pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = f.attnum),
                     k.confupdtype, k.confdeltype, k.confmatchtype) END,
                 CASE k.contype WHEN 'c' THEN pg_get_expr(k.conbin, k.conrelid)
                                WHEN 'x' THEN pg_get_constraintdef(k.oid) END) ORDER BY k.conname)
        FROM pg_catalog.pg_constraint k
        LEFT JOIN pg_catalog.pg_class fc ON fc.oid = k.confrelid
        LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
       WHERE k.conrelid = r.oid AND k.contype <> 't'),
    'indexes', (
      SELECT json_agg(CASE WHEN i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR c.reloptions IS NOT NULL
                                OR i.indisexclusion OR c.relam <> 403
        -- What nearly every index is: a plain one. Ten thousand of them are read in a few dozen milliseconds.
        THEN json_build_array(c.relname, concat_ws('|', i.indisvalid AND i.indisready AND i.indislive, c.relam::int8,
                 i.indisunique, i.indnkeyatts, i.indkey, i.indoption, i.indclass, i.indcollation),
                 CASE WHEN i.indisunique THEN to_jsonb(i) -> 'indnullsnotdistinct' END,
                 CASE WHEN i.indexprs IS NOT NULL THEN
                   (SELECT json_agg(pg_get_indexdef(i.indexrelid, k.place::int, false) ORDER BY k.place)
                      FROM generate_series(1, i.indnkeyatts) k(place)) END,
                 pg_get_expr(i.indpred, i.indrelid), c.reloptions,
                 CASE WHEN i.indisunique OR i.indisexclusion THEN
                   (SELECT k.contype FROM pg_catalog.pg_constraint k
                     WHERE k.conrelid = r.oid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x') LIMIT 1) END,
                 CASE WHEN c.relam NOT IN (403, 405) THEN  -- btree and hash have no operator class parameters
                   (SELECT json_agg(json_build_array(a.attnum, a.attoptions)) FROM pg_catalog.pg_attribute a
                     WHERE a.attrelid = i.indexrelid AND a.attoptions IS NOT NULL) END)
        ELSE json_build_array(c.relname, concat_ws('|', i.indisvalid AND i.indisready AND i.indislive, c.relam::int8,
                 i.indisunique, i.indnkeyatts, i.indkey, i.indoption, i.indclass, i.indcollation),
                 NULL, NULL, NULL, NULL, NULL, NULL) END)
        FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
       WHERE i.indrelid = r.oid))::text
  FROM relation r
 WHERE r.relkind IN ('r', 'p')
UNION ALL
SELECT 'type', json_build_array(n.nspname, t.typname, t.typtype, pg_has_role(t.typowner, 'USAGE'),
    CASE WHEN t.typtype = 'e' THEN
      (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END)::text
  FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typname = ANY ($5)
   AND n.nspname IN (SELECT p.nspname FROM path p UNION SELECT t.nspname FROM target t UNION SELECT unnest($6))
UNION ALL
SELECT 'sequence', json_build_array(r.nspname, r.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement,
    s.seqmin, s.seqmax, s.seqcache, s.seqcycle, pg_has_role(r.relowner, 'USAGE'), tn.nspname, tc.relname, a.attname)::text
  FROM relation r
  JOIN pg_catalog.pg_sequence s ON s.seqrelid = r.oid
  LEFT JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_class'::regclass AND p.objid = r.oid
        AND p.refclassid = 'pg_catalog.pg_class'::regclass AND p.refobjsubid > 0 AND p.deptype IN ('a', 'i')
  LEFT JOIN pg_catalog.pg_class tc ON tc.oid = p.refobjid
  LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = tc.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
 WHERE r.relkind = 'S'
UNION ALL
SELECT 'extension', json_build_array(e.extname, e.extversion, n.nspname)::text
  FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = ANY ($7)
UNION ALL
SELECT 'operator_classes', json_object_agg(o.oid::int8, o.opcname)::text
  FROM pg_catalog.pg_opclass o WHERE NOT o.opcdefault
UNION ALL
SELECT 'methods', json_object_agg(m.oid::int8, m.amname)::text
  FROM pg_catalog.pg_am m WHERE m.amtype = 'i'
UNION ALL
SELECT 'collations', json_agg(json_build_array(c.oid::int8, n.nspname, c.collname))::text
  FROM pg_catalog.pg_collation c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
 WHERE c.oid IN (SELECT a.attcollation FROM relation r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid
                  WHERE a.attcollation NOT IN (0, 100)
                 UNION
                 SELECT x.oid FROM relation r JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
                  CROSS JOIN LATERAL unnest(i.indcollation::oid[]) x(oid)
                  WHERE (i.indnkeyatts > 1 OR i.indcollation[0] NOT IN (0, 100)) AND x.oid NOT IN (0, 100))
UNION ALL
-- The table may not be there, so that its name cannot stand in this query. ts_stat runs a query given as text and returns the
-- words of the tsvectors in it; it is in every build of the server, which the XML functions are not.
SELECT 'base_versions', coalesce((SELECT json_agg(w.word) FROM ts_stat(format(
    'SELECT array_to_tsvector(array_agg(version::text)) FROM %I.__diesel_schema_migrations HAVING count(*) > 0', m.nspname)) w),
    '[]')::text
  FROM (SELECT n.nspname, c.oid
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE $9 AND c.relname = '__diesel_schema_migrations' AND c.relkind = 'r'
           AND n.nspname IN (SELECT p.nspname FROM path p UNION SELECT t.nspname FROM target t)
         ORDER BY n.nspname <> (SELECT t.nspname FROM target t) LIMIT 1) m
 WHERE has_table_privilege(m.oid, 'SELECT')
