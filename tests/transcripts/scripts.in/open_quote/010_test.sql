CREATE TABLE t (name text DEFAULT 'open);
