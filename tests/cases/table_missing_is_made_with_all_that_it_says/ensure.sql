CREATE TABLE IF NOT EXISTS p (
    id bigserial PRIMARY KEY,
    email varchar(255) NOT NULL UNIQUE,
    boss bigint REFERENCES p (id) ON DELETE SET NULL,
    amount numeric(6,2) DEFAULT 0 NOT NULL CHECK (amount >= 0),
    CONSTRAINT p_two UNIQUE (email, boss)
);
CREATE INDEX IF NOT EXISTS p_boss ON p (boss);
