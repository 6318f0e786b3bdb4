ALTER TABLE t ADD COLUMN p_id integer CONSTRAINT of_p REFERENCES p (id),
    ADD COLUMN n integer NOT NULL DEFAULT 1 CHECK (n > 0) -- more than none
    , ADD COLUMN code text UNIQUE;
