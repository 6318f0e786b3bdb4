-- How far the index build of session $1 is, and the session that it waits for at the moment. One row, or none. Takes no lock;
-- never shows a query.
SELECT p.phase AS phase,
       CASE WHEN p.blocks_total > 0 THEN p.blocks_done ELSE p.tuples_done END AS done,
       CASE WHEN p.blocks_total > 0 THEN p.blocks_total ELSE p.tuples_total END AS total,
       nullif(p.current_locker_pid, 0)::int AS locker,
       coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown') AS application,
       coalesce(a.state, 'unknown') AS state,
       coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::bigint AS age_seconds
  FROM pg_catalog.pg_stat_progress_create_index p
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = p.current_locker_pid AND p.current_locker_pid <> 0
 WHERE p.pid = $1
