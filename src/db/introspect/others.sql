-- What is named as an index or a sequence, not as a part of a table.
SELECT 'index_table', ROW(i.indexrelid, i.indrelid::regclass)::text
  FROM pg_catalog.pg_index i
 WHERE i.indexrelid = ANY ((SELECT r.oids FROM r)::oid[])
UNION ALL
SELECT 'sequence', ROW(q.seqrelid, format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache,
    q.seqcycle, pg_has_role(c.relowner, 'USAGE'), p.refobjid::regclass,
    (SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = p.refobjid AND a.attnum = p.refobjsubid))::text
  FROM pg_catalog.pg_sequence q
  JOIN pg_catalog.pg_class c ON c.oid = q.seqrelid
  LEFT JOIN pg_catalog.pg_depend p ON p.classid = '1259' AND p.objid = q.seqrelid AND p.refclassid = '1259'
        AND p.refobjsubid > 0 AND p.deptype IN ('a', 'i')
 WHERE q.seqrelid = ANY ((SELECT r.oids FROM r)::oid[])
