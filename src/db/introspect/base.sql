-- The record of diesel's migrations. Takes ACCESS SHARE on the table. The table may not be there, so that its name cannot
-- stand in this query. ts_stat runs a query given as text and returns the words of the tsvectors in it; it is in every build
-- of the server, which the XML functions are not.
SELECT 'base', ROW(c.relnamespace, to_json(ARRAY(SELECT w.word FROM ts_stat(format(
    'SELECT array_to_tsvector(array_agg(version::text)) FROM %s HAVING count(*) > 0', c.oid::regclass)) w)))::text
  FROM pg_catalog.pg_class c
 WHERE c.relname = '__diesel_schema_migrations' AND c.relkind = 'r' AND c.relnamespace = ANY ((SELECT s.oids FROM s)::oid[])
   AND has_table_privilege(c.oid, 'SELECT')
