-- One row is one table of old values: whose they are, its size, and from when on a later run may drop it. `{seconds}` is for how long
-- values are kept. Takes ACCESS SHARE on the journal.
SELECT k.place, coalesce(c.inverse_notes::jsonb #>> '{kept,of}', k.place) AS of, pg_catalog.pg_total_relation_size(k.oid) AS bytes,
       to_char((r.begun_at + {seconds} * interval '1 second') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS until
  FROM (SELECT t.oid, format('%I.%I', n.nspname, t.relname) AS place
          FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
         WHERE t.relnamespace = pg_catalog.to_regnamespace({name})::oid AND t.relkind = 'r' AND t.relname ~ '^old_[0-9a-f]{12}$') k
 CROSS JOIN LATERAL (
       SELECT c.run_id, c.inverse_notes FROM {schema}.changes c
        WHERE strpos(c.inverse_notes, k.place) > 0 ORDER BY c.run_id DESC LIMIT 1) c
  JOIN {schema}.runs r ON r.id = c.run_id
 ORDER BY 2, 1
