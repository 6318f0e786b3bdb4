-- One row is one session (or prepared transaction) that holds a lock of one of the modes $4 on the table $1.$2, or waits for
-- one, holders and the oldest first; $3 is our own pid.
-- Never shows a query: it may hold what is in rows.
SELECT coalesce(l.pid, 0) AS pid,
       coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown') AS application,
       coalesce(a.state, CASE WHEN p.gid IS NOT NULL THEN 'prepared transaction ' || quote_literal(p.gid) END, 'unknown') AS state,
       coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared)), 0)::bigint AS age_seconds,
       l.mode AS mode,
       l.granted AS granted,
       -- A worker of autovacuum ends for whoever waits, unless it works against wraparound.
       coalesce(a.backend_type = 'autovacuum worker' AND a.query !~ 'to prevent wraparound', false) AS yields
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relname = $2
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_catalog.pg_locks x ON l.pid IS NULL AND x.virtualtransaction = l.virtualtransaction
       AND x.locktype = 'transactionid' AND x.pid IS NULL
  LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
 WHERE l.locktype = 'relation' AND l.mode = ANY ($4) AND l.pid IS DISTINCT FROM $3 AND l.pid IS DISTINCT FROM pg_backend_pid()
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
 ORDER BY l.granted DESC, age_seconds DESC
 LIMIT 5
