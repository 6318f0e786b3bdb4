CREATE TABLE IF NOT EXISTS t (
    a integer PRIMARY KEY,
    b integer CONSTRAINT positive CHECK (b > 0),
    b integer DEFAULT 7,
    c integer DEFAULT 1 DEFAULT 2,
    d integer NULL NOT NULL,
    CONSTRAINT positive CHECK (c > 0),
    PRIMARY KEY (a),
    UNIQUE (c, c)
);
