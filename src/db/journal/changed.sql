-- One row is one relation, by its place in the list, with the time at which a row of the catalog about it was written last.
SELECT n.place, to_char(max(pg_catalog.pg_xact_commit_timestamp(x.xid)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at
  FROM unnest(ARRAY[{names}]) WITH ORDINALITY AS n (name, place)
 CROSS JOIN LATERAL (SELECT pg_catalog.to_regclass(n.name) AS oid) r
  LEFT JOIN LATERAL (
      SELECT c.xmin AS xid FROM pg_catalog.pg_class c WHERE c.oid = r.oid
      UNION ALL SELECT a.xmin FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid
      UNION ALL SELECT d.xmin FROM pg_catalog.pg_attrdef d WHERE d.adrelid = r.oid
      UNION ALL SELECT o.xmin FROM pg_catalog.pg_constraint o WHERE o.conrelid = r.oid
      UNION ALL SELECT i.xmin FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid
      UNION ALL SELECT t.xmin FROM pg_catalog.pg_trigger t WHERE t.tgrelid = r.oid
      UNION ALL SELECT p.xmin FROM pg_catalog.pg_policy p WHERE p.polrelid = r.oid
      UNION ALL SELECT w.xmin FROM pg_catalog.pg_rewrite w WHERE w.ev_class = r.oid
  ) x ON true
 GROUP BY n.place
