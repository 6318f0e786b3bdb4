-- One row is one change of a run, in order. Takes ACCESS SHARE on the journal.
SELECT c.run_id, c.number, c.state, to_char(c.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, c.script,
       c.script_digest, c.location, c.verb, c.object, c.sql, c.inverse, c.inverse_kind, c.inverse_notes, c.elapsed_ms, c.rows,
       c.attempts, c.lock_wait_ms, c.blocked_ms, c.sqlstate, c.error, c.undone_by
  FROM {schema}.changes c
 WHERE c.run_id = $1
 ORDER BY c.number
