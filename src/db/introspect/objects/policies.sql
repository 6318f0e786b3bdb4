-- One row is row-level security of one table that the scripts name, with its policies.
SELECT 'policies', ROW(json_build_array(n.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity,
    (SELECT json_agg(json_build_array(p.polname, p.polpermissive, p.polcmd,
              (SELECT json_agg(CASE WHEN o.role <> 0 THEN pg_get_userbyid(o.role) END)
                 FROM unnest(p.polroles) o(role)),
              pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)))
       FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid)))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.oid = ANY ((SELECT r.oids FROM r)::oid[])
