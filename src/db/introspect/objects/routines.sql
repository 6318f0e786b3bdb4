-- One row is one function or procedure of a name that the scripts use, in a schema where they could mean it.
SELECT 'routine', ROW(json_build_array(n.nspname, p.proname,
    (SELECT json_agg(format_type(a.type, NULL) ORDER BY a.place)
       FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a(type, place)),
    p.prokind, CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END, pg_has_role(p.proowner, 'USAGE')))::text
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE p.proname IN (SELECT json_array_elements_text($5::json -> 'routines'))
   AND (n.oid = ANY ((SELECT s.oids FROM s)::oid[]) OR n.nspname = 'pg_catalog')
