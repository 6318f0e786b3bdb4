-- ensure:title Tasks
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- Columns that exist keep their own default and nullability, and a status its type where that is varchar.
-- ensure:accept tasks.user_id integer
-- ensure:accept tasks.name varchar
-- ensure:accept tasks.status taskstatus
-- ensure:accept tasks.status varchar
-- ensure:accept tasks.created_at timestamptz

CREATE TABLE IF NOT EXISTS tasks (
    id           serial PRIMARY KEY,
    user_id      integer NOT NULL REFERENCES users (id),
    name         varchar NOT NULL,
    description  text,
    status       taskstatus NOT NULL,
    due_date     timestamptz,
    completed_at timestamptz,
    priority     varchar,
    category     varchar,
    is_active    boolean,
    created_at   timestamptz DEFAULT now(),
    updated_at   timestamptz
);

CREATE INDEX IF NOT EXISTS idx_task_active ON tasks (is_active);
CREATE INDEX IF NOT EXISTS idx_task_category ON tasks (category);
CREATE INDEX IF NOT EXISTS idx_task_created_at ON tasks (created_at);
CREATE INDEX IF NOT EXISTS idx_task_due_date ON tasks (due_date);
CREATE INDEX IF NOT EXISTS idx_task_priority ON tasks (priority);
CREATE INDEX IF NOT EXISTS idx_task_status ON tasks (status);
CREATE INDEX IF NOT EXISTS idx_task_user_created ON tasks (user_id, created_at);
CREATE INDEX IF NOT EXISTS idx_task_user_id ON tasks (user_id);
CREATE INDEX IF NOT EXISTS idx_task_user_status ON tasks (user_id, status);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_tasks_id ON tasks (id);
