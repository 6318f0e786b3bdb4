CREATE TABLE t (a integer CONSTRAINT t_rule CHECK (a > 0));
