-- ensure:allow drop -- not needed any more
DROP TABLE IF EXISTS rooms;
-- ensure:allow drop -- not needed any more
ALTER TABLE rooms DROP COLUMN IF EXISTS name;
-- ensure:allow drop -- not needed any more
ALTER TABLE rooms DROP COLUMN IF EXISTS floor;
-- ensure:allow drop -- not needed any more
ALTER TABLE rooms DROP CONSTRAINT IF EXISTS rooms_pkey;
DROP INDEX IF EXISTS rooms_name_key;
-- ensure:allow drop -- not needed any more
DROP TYPE IF EXISTS mood;
-- ensure:allow drop -- not needed any more
DROP DOMAIN IF EXISTS short;
-- ensure:allow drop -- not needed any more
DROP SEQUENCE IF EXISTS numbers;
-- ensure:allow drop -- not needed any more
DROP SEQUENCE IF EXISTS heads_id_seq;
-- ensure:allow drop -- not needed any more
DROP TABLE IF EXISTS heads;
