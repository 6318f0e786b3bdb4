-- ensure:title User columns
-- ensure:allow drop -- an index that is invalid or differs from the one declared is replaced, nothing else is dropped
-- These two are varchar(255) in some databases; they stay as they are.
-- ensure:accept users.designation varchar
-- ensure:accept users.wifi_user_id varchar

ALTER TABLE users ADD COLUMN IF NOT EXISTS designation varchar;
ALTER TABLE users ADD COLUMN IF NOT EXISTS joining_date date;
-- Links the user to the WiFi portal.
ALTER TABLE users ADD COLUMN IF NOT EXISTS wifi_user_id varchar;

CREATE INDEX IF NOT EXISTS idx_user_active ON users (is_active);
CREATE INDEX IF NOT EXISTS idx_user_created_at ON users (created_at);
CREATE INDEX IF NOT EXISTS idx_user_role ON users (role);
CREATE INDEX IF NOT EXISTS idx_user_role_active ON users (role, is_active);
CREATE INDEX IF NOT EXISTS ix_users_wifi_user_id ON users (wifi_user_id);

-- The plain index on the primary key is part of the enum flavour only.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
CREATE INDEX IF NOT EXISTS ix_users_id ON users (id);
