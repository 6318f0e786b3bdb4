ALTER TABLE stays ALTER COLUMN mood TYPE text;
ALTER TABLE nights ALTER COLUMN mood TYPE text;
-- ensure:allow drop -- not needed any more
DROP TYPE IF EXISTS mood;
ALTER TABLE stays ALTER COLUMN number DROP DEFAULT;
-- ensure:allow drop -- not needed any more
DROP SEQUENCE IF EXISTS numbers;
DROP VIEW IF EXISTS "All names";
DROP VIEW IF EXISTS names;
-- ensure:allow drop -- not needed any more
ALTER TABLE rooms DROP COLUMN IF EXISTS "Odd name";
DROP MATERIALIZED VIEW IF EXISTS floors;
DROP TRIGGER IF EXISTS touched ON rooms;
DROP FUNCTION IF EXISTS touch();
ALTER TABLE stays DROP CONSTRAINT IF EXISTS stays_room_fkey;
-- ensure:allow drop -- not needed any more
DROP TABLE IF EXISTS nights;
-- ensure:allow drop -- not needed any more
DROP TABLE IF EXISTS rooms;
