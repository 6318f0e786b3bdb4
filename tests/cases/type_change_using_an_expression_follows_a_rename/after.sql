ALTER TABLE t ALTER COLUMN b TYPE integer USING btrim(b)::integer + 0;
