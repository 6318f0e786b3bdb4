CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN short AS text;
CREATE SEQUENCE numbers;
CREATE TABLE rooms (id integer PRIMARY KEY, name text UNIQUE, floor integer, twice integer GENERATED ALWAYS AS (floor * 2) STORED);
CREATE TABLE stays (room integer REFERENCES rooms, mood mood, note short, number integer DEFAULT nextval('numbers'));
CREATE VIEW names AS SELECT name FROM rooms;
CREATE TABLE heads (id integer GENERATED ALWAYS AS IDENTITY);
CREATE TABLE heirs () INHERITS (heads);
