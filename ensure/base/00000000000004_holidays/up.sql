-- ensure:title Holidays
-- What an existing database has is kept: defaults and nullability of its columns are its own.
-- ensure:accept holidays.date timestamptz
-- ensure:accept holidays.title varchar
-- ensure:accept holidays.created_at timestamptz

CREATE TABLE IF NOT EXISTS holidays (
    id          serial PRIMARY KEY,
    date        timestamptz NOT NULL,
    title       varchar NOT NULL,
    description text,
    created_at  timestamptz DEFAULT now(),
    updated_at  timestamptz
);
