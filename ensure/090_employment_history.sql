-- ensure:title Employment history
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- Columns that exist keep their own default and nullability.
-- ensure:accept employment_history.user_id integer
-- ensure:accept employment_history.position_title varchar
-- ensure:accept employment_history.start_date date
-- ensure:accept employment_history.created_at timestamptz

-- One row for each position held. The salary is secret: no value of this table belongs in a log.
CREATE TABLE IF NOT EXISTS employment_history (
    id                     serial PRIMARY KEY,
    user_id                integer NOT NULL REFERENCES users (id),
    position_title         varchar NOT NULL,
    department             varchar,
    employment_type        varchar,
    work_location          varchar,
    start_date             date NOT NULL,
    end_date               date,
    salary                 varchar,
    currency               varchar,
    manager_id             integer REFERENCES users (id),
    reporting_manager_name varchar,
    status                 varchar,
    reason_for_change      text,
    notes                  text,
    is_current             boolean,
    created_at             timestamptz DEFAULT now(),
    updated_at             timestamptz
);

CREATE INDEX IF NOT EXISTS idx_employment_created_at ON employment_history (created_at);
CREATE INDEX IF NOT EXISTS idx_employment_current ON employment_history (is_current);
CREATE INDEX IF NOT EXISTS idx_employment_dates ON employment_history (start_date, end_date);
CREATE INDEX IF NOT EXISTS idx_employment_department ON employment_history (department);
CREATE INDEX IF NOT EXISTS idx_employment_manager ON employment_history (manager_id);
CREATE INDEX IF NOT EXISTS idx_employment_position ON employment_history (position_title);
CREATE INDEX IF NOT EXISTS idx_employment_user_id ON employment_history (user_id);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_employment_history_id ON employment_history (id);
