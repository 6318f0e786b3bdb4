-- ensure:title Users
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- Columns that exist keep their own default and nullability, and a role its type where that is varchar.
-- ensure:accept users.email varchar
-- ensure:accept users.hashed_password varchar
-- ensure:accept users.name varchar
-- ensure:accept users.role userrole
-- ensure:accept users.role varchar
-- ensure:accept users.created_at timestamptz

CREATE TABLE IF NOT EXISTS users (
    id              serial PRIMARY KEY,
    email           varchar NOT NULL,
    hashed_password varchar NOT NULL,
    name            varchar NOT NULL,
    phone           varchar,
    role            userrole NOT NULL,
    is_active       boolean,
    created_at      timestamptz DEFAULT now(),
    updated_at      timestamptz
);

-- In a varchar database the unique constraint users_email_key does this work.
CREATE UNIQUE INDEX IF NOT EXISTS ix_users_email ON users (email);
