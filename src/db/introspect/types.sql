-- Types that are not built in.
SELECT 'type', ROW(t.typnamespace, t.typname, t.typtype, pg_has_role(t.typowner, 'USAGE'),
    CASE WHEN t.typtype = 'e' THEN
      to_json(ARRAY(SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)) END)::text
  FROM pg_catalog.pg_type t
 WHERE t.typname = ANY ($3) AND t.typnamespace = ANY ((SELECT s.oids FROM s)::oid[])
