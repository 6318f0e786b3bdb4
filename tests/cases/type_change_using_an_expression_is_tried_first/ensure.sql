ALTER TABLE t ALTER COLUMN b TYPE integer USING substr(b, 2)::integer;
