-- How far behind this server its replicas and slots are: one row of JSON. A role without pg_monitor sees that there are replicas,
-- and nothing more of them. Takes no lock.
SELECT pg_catalog.json_build_object(
    'hidden', (SELECT count(*) FROM pg_catalog.pg_stat_replication r WHERE r.state IS NULL),
    'replicas', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', coalesce(nullif(r.application_name, ''), 'replica'),
            'bytes', pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.replay_lsn)::int8,
            'millis', coalesce(extract(epoch FROM r.replay_lag) * 1000, 0)::int8)), '[]')
        FROM pg_catalog.pg_stat_replication r WHERE r.replay_lsn IS NOT NULL AND r.state <> 'backup'),
    -- What a slot holds back is thrown away at a limit, if there is one (-1), and the replica is lost.
    'slots', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', s.slot_name,
            'bytes', pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::int8,
            'kept', k.kept)), '[]')
        FROM pg_catalog.pg_replication_slots s,
             (SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_slot_wal_keep_size')) AS kept) k
       WHERE s.restart_lsn IS NOT NULL AND k.kept > 0)
)::text
