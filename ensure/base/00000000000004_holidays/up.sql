-- ensure:title Holidays
-- Columns that exist keep their own default and nullability.
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
