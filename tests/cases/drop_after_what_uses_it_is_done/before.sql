CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE SEQUENCE numbers;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE rooms (id serial PRIMARY KEY, "Odd name" text UNIQUE, floor integer CHECK (floor > 0), above integer REFERENCES rooms,
    twice integer GENERATED ALWAYS AS (floor * 2) STORED, CHECK (id <> floor));
CREATE INDEX ON rooms (lower("Odd name")) WHERE floor > 1;
CREATE STATISTICS rooms_known ON id, floor FROM rooms;
CREATE POLICY mine ON rooms USING (floor > 0);
CREATE TRIGGER touched BEFORE UPDATE ON rooms FOR EACH ROW WHEN (NEW.floor > 0) EXECUTE FUNCTION touch();
CREATE TABLE stays (id integer GENERATED ALWAYS AS IDENTITY, room integer REFERENCES rooms, mood mood, number integer DEFAULT nextval('numbers'));
CREATE TABLE nights (day date, mood mood, room integer REFERENCES rooms) PARTITION BY RANGE (day);
CREATE TABLE nights_1 PARTITION OF nights FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW names AS SELECT r."Odd name" AS name FROM rooms r, rooms o;
CREATE VIEW "All names" AS SELECT n.name FROM names n, names o;
CREATE MATERIALIZED VIEW floors AS SELECT floor FROM rooms;
