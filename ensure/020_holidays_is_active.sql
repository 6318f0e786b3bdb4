-- ensure:title Holidays can be switched off
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- Columns that exist keep their own default and nullability.
-- ensure:accept holidays.is_active boolean

ALTER TABLE holidays ADD COLUMN IF NOT EXISTS is_active boolean DEFAULT true;

-- Rows from before the column had a default. updated_at stays as it is: nobody edited these holidays.
UPDATE holidays SET is_active = true WHERE is_active IS NULL;

CREATE INDEX IF NOT EXISTS idx_holiday_active ON holidays (is_active);
CREATE INDEX IF NOT EXISTS idx_holiday_date ON holidays (date);
CREATE INDEX IF NOT EXISTS idx_holiday_date_active ON holidays (date, is_active);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_holidays_id ON holidays (id);
