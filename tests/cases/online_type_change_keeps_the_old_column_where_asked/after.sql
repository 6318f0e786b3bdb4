ALTER TABLE t RENAME a TO a__hm_old;
ALTER TABLE t ADD a numeric(4,1);
COMMENT ON COLUMN t.a__hm_old IS 'replaced by hrms-migrate; dropped by its next run';
