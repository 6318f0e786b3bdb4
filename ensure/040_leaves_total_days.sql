-- ensure:title Half-day leaves
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- A column that allows NULL goes on allowing it.
-- ensure:accept leaves.total_days numeric(4,1)

-- Leaves from before the column count as one day. New ones must say how long they are, so the default does not stay.
ALTER TABLE leaves ADD COLUMN IF NOT EXISTS total_days numeric(4,1) NOT NULL DEFAULT 1.0;
ALTER TABLE leaves ALTER COLUMN total_days DROP DEFAULT;

-- Older databases hold whole days, floating point, text or another precision here.
-- ensure:allow rewrite -- leaves is a small table, a row for each leave ever taken
ALTER TABLE leaves ALTER COLUMN total_days TYPE numeric(4,1) USING total_days::numeric(4,1);

CREATE INDEX IF NOT EXISTS idx_leave_created_at ON leaves (created_at);
CREATE INDEX IF NOT EXISTS idx_leave_dates ON leaves (start_date, end_date);
CREATE INDEX IF NOT EXISTS idx_leave_status ON leaves (status);
CREATE INDEX IF NOT EXISTS idx_leave_user_created ON leaves (user_id, created_at);
CREATE INDEX IF NOT EXISTS idx_leave_user_id ON leaves (user_id);
CREATE INDEX IF NOT EXISTS idx_leave_user_status ON leaves (user_id, status);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_leaves_id ON leaves (id);
