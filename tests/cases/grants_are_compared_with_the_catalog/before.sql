DO $$ BEGIN CREATE ROLE objects_app; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE objects_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
CREATE TABLE users (id serial PRIMARY KEY, email text, salary integer);
GRANT SELECT, INSERT ON users TO objects_app;
GRANT DELETE ON users TO objects_app;
