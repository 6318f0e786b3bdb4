CREATE TABLE t (a varchar(9) DEFAULT 'x', b integer DEFAULT 1, c timestamptz DEFAULT now());
