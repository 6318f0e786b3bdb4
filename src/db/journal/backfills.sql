-- One row is one backfill that is not done. Takes ACCESS SHARE on the journal.
SELECT b.id, b.run_id, b.location, b.object,
       CASE WHEN b.state IN ('working', 'pausing', 'cancelling') AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_locks l
            WHERE l.locktype = 'advisory' AND l.granted AND l.classid = {class} AND l.objid = {object} AND l.objsubid = 2
              AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()))
            THEN CASE b.state WHEN 'working' THEN 'stopped' WHEN 'pausing' THEN 'paused' ELSE 'canceled' END
            ELSE b.state END AS state,
       b.pass, b.next_page, b.pages, b.rows,
       to_char(b.begun_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS begun,
       to_char(b.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated
  FROM {schema}.backfills b
 WHERE b.state <> 'done'
 ORDER BY b.id
