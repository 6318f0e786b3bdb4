-- One row is one run, newest first. Takes ACCESS SHARE on the journal.
SELECT r.id, r.command, to_char(r.begun_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS begun,
       (1000 * extract(epoch FROM r.ended_at - r.begun_at))::bigint AS elapsed_ms, r.outcome, r.exit_code, r.role, r.os_user, r.host,
       r.tool_version, r.revision, r.scripts_digest,
       -- Journals of before have no such column.
       to_jsonb(r) ->> 'backup' AS backup, r.blocked_ms, r.error,
       (SELECT count(*) FROM {schema}.changes c WHERE c.run_id = r.id AND c.state = 'done') AS changes,
       ARRAY(SELECT c.script FROM {schema}.changes c WHERE c.run_id = r.id GROUP BY c.script ORDER BY min(c.number)) AS scripts,
       -- Who works holds the runner lock.
       r.outcome IS NULL AND EXISTS (
           SELECT FROM pg_catalog.pg_locks l
            WHERE l.locktype = 'advisory' AND l.granted AND l.classid = {class} AND l.objid = {object} AND l.objsubid = 2
              AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())) AS at_work
  FROM {schema}.runs r
 WHERE ($1 = 0 OR r.id = $1)
   AND ($2 = '' OR EXISTS (SELECT FROM {schema}.changes c WHERE c.run_id = r.id AND strpos(c.script, $2) > 0))
   AND ($3 = '' OR EXISTS (SELECT FROM {schema}.changes c WHERE c.run_id = r.id AND strpos(c.object, $3) > 0))
   AND ($4 = '' OR strpos(r.host, $4) > 0)
   AND ($5 = '' OR r.begun_at >= $5::timestamptz)
 ORDER BY r.id DESC
 LIMIT $6
