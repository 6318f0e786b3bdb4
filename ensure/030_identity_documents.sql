-- ensure:title Identity documents
-- Existing columns stay: paths of any length, statuses of either flavour.
-- ensure:accept users.profile_image varchar
-- ensure:accept users.aadhaar_front varchar
-- ensure:accept users.aadhaar_back varchar
-- ensure:accept users.pan_image varchar
-- ensure:accept users.profile_image_status documentstatus
-- ensure:accept users.profile_image_status varchar
-- ensure:accept users.aadhaar_front_status documentstatus
-- ensure:accept users.aadhaar_front_status varchar
-- ensure:accept users.aadhaar_back_status documentstatus
-- ensure:accept users.aadhaar_back_status varchar
-- ensure:accept users.pan_image_status documentstatus
-- ensure:accept users.pan_image_status varchar

-- Paths of the documents.
ALTER TABLE users ADD COLUMN IF NOT EXISTS profile_image varchar;
ALTER TABLE users ADD COLUMN IF NOT EXISTS aadhaar_front varchar;
ALTER TABLE users ADD COLUMN IF NOT EXISTS aadhaar_back varchar;
ALTER TABLE users ADD COLUMN IF NOT EXISTS pan_image varchar;

-- How far the review of each has come. A status that is missing gets the type that users.role has: enum or varchar.
-- ensure:unless SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
ALTER TABLE users
    ADD COLUMN IF NOT EXISTS profile_image_status documentstatus,
    ADD COLUMN IF NOT EXISTS aadhaar_front_status documentstatus,
    ADD COLUMN IF NOT EXISTS aadhaar_back_status documentstatus,
    ADD COLUMN IF NOT EXISTS pan_image_status documentstatus;

-- ensure:when SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(quote_ident(current_schema()) || '.users') AND attname = 'role' AND atttypid = 'varchar'::regtype AND NOT attisdropped)
ALTER TABLE users
    ADD COLUMN IF NOT EXISTS profile_image_status varchar,
    ADD COLUMN IF NOT EXISTS aadhaar_front_status varchar,
    ADD COLUMN IF NOT EXISTS aadhaar_back_status varchar,
    ADD COLUMN IF NOT EXISTS pan_image_status varchar;
