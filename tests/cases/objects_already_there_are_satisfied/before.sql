CREATE TABLE leaves (id serial PRIMARY KEY, user_name text, total numeric(4,1), updated_at timestamptz);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
DROP TRIGGER IF EXISTS leaves_touch ON leaves;
CREATE TRIGGER leaves_touch BEFORE UPDATE OF total ON leaves FOR EACH ROW
  WHEN (OLD.total IS DISTINCT FROM NEW.total) EXECUTE FUNCTION touch();
DROP POLICY IF EXISTS own ON leaves;
CREATE POLICY own ON leaves FOR SELECT USING (user_name = current_user);
ALTER TABLE leaves ENABLE ROW LEVEL SECURITY;
ALTER TABLE leaves FORCE ROW LEVEL SECURITY;
COMMENT ON TRIGGER leaves_touch ON leaves IS 'keeps updated_at';
COMMENT ON POLICY own ON leaves IS 'own rows only';
