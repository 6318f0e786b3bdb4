ALTER TABLE t ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE, ADD COLUMN seen timestamptz DEFAULT clock_timestamp(), ADD COLUMN word text;
