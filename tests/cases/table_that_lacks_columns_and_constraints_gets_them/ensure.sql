CREATE TABLE IF NOT EXISTS t (
    id integer PRIMARY KEY,
    p_id integer REFERENCES p (id),
    code text DEFAULT 'n' NOT NULL,
    CONSTRAINT t_code CHECK (code <> '')
);
