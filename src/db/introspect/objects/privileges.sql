-- One row is who may do what with one thing that the scripts name: its kind, schema, name, column, the types of its
-- arguments, its owner, whether we have his rights, and the privileges. An object's privileges that nobody has changed are
-- those that acldefault gives.
SELECT 'privileges', ROW(json_build_array(o.kind, o.nspname, o.name, o.part, o.arguments,
    pg_get_userbyid(o.owner), pg_has_role(o.owner, 'USAGE'),
    (SELECT json_agg(json_build_array(CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END, x.privilege_type,
                                      x.is_grantable, pg_get_userbyid(x.grantor),
                                      x.grantee = 0 OR pg_has_role(x.grantee, 'USAGE')))
       FROM aclexplode(o.acl) x)))::text
  FROM (
    SELECT 'relation' AS kind, n.nspname, c.relname AS name, NULL::name AS part, NULL::json AS arguments, c.relowner AS owner,
           coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)) AS acl
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind NOT IN ('i', 'I', 'c') AND c.oid = ANY ((SELECT r.oids FROM r)::oid[])
     UNION ALL
    SELECT 'column', n.nspname, c.relname, a.attname, NULL, c.relowner, a.attacl
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
     WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND c.oid = ANY ((SELECT r.oids FROM r)::oid[])
     UNION ALL
    SELECT 'type', n.nspname, t.typname, NULL, NULL, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
      FROM pg_catalog.pg_type t
      JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typname = ANY ($3) AND n.oid = ANY ((SELECT s.oids FROM s)::oid[])
     UNION ALL
    SELECT 'routine', n.nspname, p.proname, NULL,
           (SELECT json_agg(format_type(a.type, NULL) ORDER BY a.place)
              FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a(type, place)),
           p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.proname IN (SELECT json_array_elements_text($5::json -> 'routines'))
       AND n.oid = ANY ((SELECT s.oids FROM s)::oid[])
     UNION ALL
    SELECT 'schema', NULL, n.nspname, NULL, NULL, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
      FROM pg_catalog.pg_namespace n
     WHERE n.oid = ANY ((SELECT s.oids FROM s)::oid[])
     UNION ALL
    SELECT 'database', NULL, b.datname, NULL, NULL, b.datdba, coalesce(b.datacl, acldefault('d', b.datdba))
      FROM pg_catalog.pg_database b
     WHERE b.datname IN (SELECT json_array_elements_text($5::json -> 'databases'))) o
