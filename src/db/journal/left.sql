-- One row is one run that changed something, newest first, with what it left behind; where it was killed, with the objects that it
-- has changed. Takes ACCESS SHARE on the journal.
SELECT r.id, to_char(r.begun_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS begun, r.left_as,
       CASE WHEN r.left_as IS NULL
            THEN ARRAY(SELECT c.object FROM {schema}.changes c WHERE c.run_id = r.id AND c.state <> 'failed')
            ELSE ARRAY[]::text[] END AS objects
  FROM {schema}.runs r
 WHERE r.command IN ('run', 'rollback', 'repair')
 ORDER BY r.id DESC
 LIMIT 1000
