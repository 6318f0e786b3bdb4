-- One row is one fact: its kind, and its fields as a composite value prints them, which costs the server less than JSON. Reads
-- only what the parameters name, each by an index of the catalog, so that other tables of the database cost nothing. Takes no
-- lock on any table, except ACCESS SHARE on tables with a CHECK, a generated column, a partial or an expression index (the
-- server's own deparsing takes it).
--
-- Nearly all of the time of a run with nothing to do goes into this query, in a session whose caches are empty. So each part
-- reads one catalog, joins nothing that the reader can put together itself, and writes constants in quotes: they take the
-- type of the column, where a bare 0 beside an oid makes the server load every operator of that name.
--
-- $1 schemas beside those of the search path    $2 names of tables, indexes, sequences, views    $3 names of types
-- $4 extensions    $5 names of routines, databases, roles: JSON
WITH s AS MATERIALIZED (
  SELECT array_agg(n.oid) AS oids
    FROM pg_catalog.pg_namespace n
   WHERE n.nspname = ANY ($1::name[] || current_setting('hrms_migrate.schemas')::name[])
), r AS MATERIALIZED (
  SELECT array_agg(c.oid) AS oids, array_agg(c.oid) FILTER (WHERE c.relkind IN ('r', 'p', 'm')) AS tables
    FROM pg_catalog.pg_class c
   WHERE c.relname = ANY ($2) AND c.relnamespace = ANY ((SELECT s.oids FROM s)::oid[])
)
SELECT 'server' AS kind, ROW(
    current_setting('server_version_num'), current_database(), current_user, current_setting('is_superuser') = 'on',
    has_database_privilege(current_database(), 'CREATE'), pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
    current_setting('hrms_migrate.time_zone'), pg_current_snapshot(),
    to_json(current_setting('hrms_migrate.schemas')::text[]))::text AS fields
UNION ALL
SELECT 'schema', ROW(n.oid, n.nspname, has_schema_privilege(n.oid, 'CREATE'), has_schema_privilege(n.oid, 'USAGE'))::text
  FROM pg_catalog.pg_namespace n
 WHERE n.oid = ANY ((SELECT s.oids FROM s)::oid[])
UNION ALL
SELECT 'relation', CASE WHEN c.relkind IN ('r', 'p', 'm')
    THEN ROW(c.oid, c.relnamespace, c.relname, c.relkind, c.relispartition, pg_get_userbyid(c.relowner),
             pg_has_role(c.relowner, 'USAGE'), has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),
             has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'REFERENCES'), c.relpages,
             c.reltuples::int8)::text
    ELSE ROW(c.oid, c.relnamespace, c.relname, c.relkind)::text END
  FROM pg_catalog.pg_class c
 WHERE c.oid = ANY ((SELECT r.oids FROM r)::oid[])
UNION ALL
SELECT 'column', ROW(a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    CASE WHEN a.atthasdef THEN
      (SELECT pg_get_expr(d.adbin, CASE WHEN a.attgenerated = '' THEN '0' ELSE d.adrelid END)
         FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END,
    a.attidentity, a.attgenerated,
    -- The integer types: what a serial column can be.
    CASE WHEN a.atthasdef AND a.atttypid IN ('20', '21', '23')
         THEN pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) END,
    a.attinhcount > 0, a.attcollation,
    CASE WHEN a.attcollation NOT IN ('0', '100') THEN a.attcollation::regcollation END)::text
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = ANY ((SELECT r.tables FROM r)::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint', ROW(k.conrelid, k.conname, k.contype, k.convalidated, k.condeferrable, k.condeferred, k.connoinherit,
    k.conkey, k.conindid, k.confrelid, CASE WHEN k.contype = 'f' THEN k.confrelid::regclass END, k.confkey,
    k.confupdtype, k.confdeltype, k.confmatchtype,
    CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END,
    -- Read for what no other column tells on every version: the columns of a referenced table that the scripts do not name,
    -- those of ON DELETE SET NULL (15), WITHOUT OVERLAPS (18), NOT ENFORCED (18), PERIOD (18), which needs an index of the first.
    CASE WHEN k.contype = 'x' OR k.conexclop IS NOT NULL OR NOT k.convalidated
           OR k.contype = 'f' AND (k.confdeltype IN ('n', 'd') OR k.confrelid <> ALL ((SELECT r.tables FROM r)::oid[])
             OR (SELECT o.indisexclusion FROM pg_catalog.pg_index o WHERE o.indexrelid = k.conindid))
         THEN pg_get_constraintdef(k.oid) END)::text
  FROM pg_catalog.pg_constraint k
 WHERE k.conrelid = ANY ((SELECT r.tables FROM r)::oid[]) AND k.contype <> 't'
UNION ALL
SELECT 'index', ROW(i.indrelid, i.indexrelid, i.indisvalid AND i.indisready AND i.indislive, i.indisunique, i.indnkeyatts,
    i.indkey, i.indoption, i.indclass, i.indcollation,
    -- Of version 15 and later.
    CASE WHEN i.indisunique AND NOT i.indisprimary THEN to_jsonb(i) -> 'indnullsnotdistinct' END,
    pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid),
    CASE WHEN NOT i.indcollation::oid[] <@ '{0,100}' THEN to_json(i.indcollation::oid[]::regcollation[]) END,
    (SELECT ROW(c.relname, to_json(c.reloptions),
              CASE WHEN c.relam <> '403' THEN (SELECT m.amname FROM pg_catalog.pg_am m WHERE m.oid = c.relam) END,
              -- btree and hash have no operator class parameters.
              CASE WHEN c.relam NOT IN ('403', '405') THEN
                to_json(ARRAY(SELECT to_json(a.attoptions) FROM pg_catalog.pg_attribute a
                               WHERE a.attrelid = i.indexrelid AND a.attnum > 0 ORDER BY a.attnum)) END)
       FROM pg_catalog.pg_class c WHERE c.oid = i.indexrelid))::text
  FROM pg_catalog.pg_index i
 WHERE i.indrelid = ANY ((SELECT r.tables FROM r)::oid[])
UNION ALL
SELECT 'operator_class', ROW(o.oid, o.opcname)::text
  FROM pg_catalog.pg_opclass o WHERE NOT o.opcdefault
