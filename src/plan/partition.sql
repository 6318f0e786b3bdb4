-- What the partitions of a table are and have, from the top down: an array of objects; NULL where there are none. Takes ACCESS
-- SHARE on those with an index that has an expression or a condition (the server's own deparsing takes it).
SELECT json_agg(json_build_object(
    'name', json_build_array(n.nspname, c.relname), 'parent', json_build_array(pn.nspname, pc.relname), 'level', t.level,
    'kind', c.relkind,
    'ours', pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'),
    'constraints', (SELECT coalesce(json_agg(k.conname ORDER BY k.conname), '[]')
        FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid),
    'indexes', (SELECT coalesce(json_agg(json_build_object(
            'name', x.relname, 'valid', i.indisvalid AND i.indisready AND i.indislive, 'definition', pg_get_indexdef(x.oid),
            'attached', (SELECT json_build_array(hn.nspname, hc.relname)
                FROM pg_catalog.pg_inherits h
                JOIN pg_catalog.pg_class hc ON hc.oid = h.inhparent
                JOIN pg_catalog.pg_namespace hn ON hn.oid = hc.relnamespace
               WHERE h.inhrelid = x.oid),
            'constraint', (SELECT k.contype FROM pg_catalog.pg_constraint k
               WHERE k.conindid = x.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))) ORDER BY x.relname), '[]')
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
       WHERE i.indrelid = c.oid),
    -- Those that are no part of another one. What sets only some columns NULL (15) is like nothing that is read.
    'keys', (SELECT coalesce(json_agg(json_build_object(
            'name', k.conname, 'validated', k.convalidated, 'deferrable', k.condeferrable, 'deferred', k.condeferred,
            'columns', (SELECT json_agg(a.attname ORDER BY u.place) FROM unnest(k.conkey) WITH ORDINALITY u(number, place)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
            'table', (SELECT json_build_array(rn.nspname, r.relname) FROM pg_catalog.pg_class r
                JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = k.confrelid),
            'referenced', (SELECT json_agg(a.attname ORDER BY u.place) FROM unnest(k.confkey) WITH ORDINALITY u(number, place)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number),
            'on_update', k.confupdtype, 'on_delete', k.confdeltype, 'match_full', k.confmatchtype = 'f') ORDER BY k.conname), '[]')
        FROM pg_catalog.pg_constraint k
       WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
         AND coalesce(to_jsonb(k) -> 'confdelsetcols', 'null') = 'null')
  ) ORDER BY t.level, n.nspname, c.relname)
  FROM t
  JOIN pg_catalog.pg_class c ON c.oid = t.relid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class pc ON pc.oid = t.parentrelid
  JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
