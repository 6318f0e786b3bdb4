-- How far behind this server its replicas, slots and archive are: one row of JSON. A role without pg_monitor sees that there are
-- replicas, and nothing more of them. Takes no lock.
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
       WHERE s.restart_lsn IS NOT NULL AND k.kept > 0),
    -- WAL that is not archived yet stays, until the disk is full. The name of a file is its place: timeline, then two halves.
    'archive', (SELECT pg_catalog.json_build_object(
            'bytes', (f.now - f.archived - 1) * f.size,
            'kept', pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size')))
        FROM (SELECT pg_catalog.div(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0'), z.size)::int8 AS now,
                     ('x' || substr(a.last_archived_wal, 9, 8))::bit(32)::int8 * (4294967296 / z.size)
                     + ('x' || substr(a.last_archived_wal, 17, 8))::bit(32)::int8 AS archived,
                     z.size
                FROM pg_catalog.pg_stat_archiver a,
                     (SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) AS size) z
               WHERE pg_catalog.current_setting('archive_mode') <> 'off' AND a.last_archived_wal ~ '^[0-9A-F]{24}$') f)
)::text
