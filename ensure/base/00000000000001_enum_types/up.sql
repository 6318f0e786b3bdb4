-- ensure:title Enum types
-- A varchar database needs none of them, unless it lacks a table that is then made with one.
-- ensure:unless SELECT count(*) = 3 FROM pg_catalog.pg_attribute WHERE (attrelid, attname) IN ((to_regclass(quote_ident(current_schema()) || '.users'), 'role'), (to_regclass(quote_ident(current_schema()) || '.leaves'), 'status'), (to_regclass(quote_ident(current_schema()) || '.tasks'), 'status')) AND atttypid = 'varchar'::regtype AND NOT attisdropped

CREATE TYPE userrole AS ENUM ('USER', 'ADMIN', 'SUPER_ADMIN');

CREATE TYPE leavestatus AS ENUM ('PENDING', 'APPROVED', 'REJECTED');

CREATE TYPE documentstatus AS ENUM ('PENDING', 'APPROVED', 'REJECTED');

CREATE TYPE taskstatus AS ENUM ('PENDING', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED');

-- A type that exists but lacks a label gets it, in its place. After the CREATE TYPE above these do nothing.
ALTER TYPE userrole ADD VALUE IF NOT EXISTS 'USER' BEFORE 'ADMIN';
ALTER TYPE userrole ADD VALUE IF NOT EXISTS 'ADMIN' AFTER 'USER';
ALTER TYPE userrole ADD VALUE IF NOT EXISTS 'SUPER_ADMIN' AFTER 'ADMIN';
ALTER TYPE leavestatus ADD VALUE IF NOT EXISTS 'PENDING' BEFORE 'APPROVED';
ALTER TYPE leavestatus ADD VALUE IF NOT EXISTS 'APPROVED' AFTER 'PENDING';
ALTER TYPE leavestatus ADD VALUE IF NOT EXISTS 'REJECTED' AFTER 'APPROVED';
ALTER TYPE documentstatus ADD VALUE IF NOT EXISTS 'PENDING' BEFORE 'APPROVED';
ALTER TYPE documentstatus ADD VALUE IF NOT EXISTS 'APPROVED' AFTER 'PENDING';
ALTER TYPE documentstatus ADD VALUE IF NOT EXISTS 'REJECTED' AFTER 'APPROVED';
ALTER TYPE taskstatus ADD VALUE IF NOT EXISTS 'PENDING' BEFORE 'IN_PROGRESS';
ALTER TYPE taskstatus ADD VALUE IF NOT EXISTS 'IN_PROGRESS' AFTER 'PENDING';
ALTER TYPE taskstatus ADD VALUE IF NOT EXISTS 'COMPLETED' AFTER 'IN_PROGRESS';
ALTER TYPE taskstatus ADD VALUE IF NOT EXISTS 'CANCELLED' AFTER 'COMPLETED';
