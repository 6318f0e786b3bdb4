-- One row is one change that can be taken back and was not yet, the last one first. Takes ACCESS SHARE on the journal.
SELECT c.run_id, c.number, c.state, to_char(c.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, c.script,
       c.script_digest, c.location, c.verb, c.object, c.sql, c.inverse, c.inverse_kind, c.inverse_notes, c.elapsed_ms, c.rows,
       c.attempts, c.lock_wait_ms, c.blocked_ms, c.sqlstate, c.error, c.undone_by
  FROM {schema}.changes c JOIN {schema}.runs r ON r.id = c.run_id
 WHERE r.command = 'run' AND c.inverse_kind IS NOT NULL AND c.undone_by IS NULL
   -- Of one that was begun it is not known whether it was done; its inverse does nothing where it was not.
   AND c.state IN ('begun', 'done')
   AND ($1 = 0 OR c.run_id = $1)
   AND c.run_id > $2
   AND ($3 = 0 OR c.run_id IN (
       SELECT l.run_id FROM {schema}.changes l JOIN {schema}.runs o ON o.id = l.run_id
        WHERE o.command = 'run' AND l.inverse_kind IS NOT NULL AND l.undone_by IS NULL AND l.state IN ('begun', 'done')
        GROUP BY l.run_id ORDER BY l.run_id DESC LIMIT nullif($3, 0)))
 ORDER BY c.run_id DESC, c.number DESC
