ALTER TABLE t ADD COLUMN p_id integer REFERENCES p (id), ADD COLUMN code text DEFAULT 'n' NOT NULL,
    ADD CONSTRAINT t_code CHECK (code <> ''), ADD PRIMARY KEY (id);
