ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0);
ALTER TABLE t ADD CHECK (b <> ''), ADD CHECK (a > 0 OR b <> '');
