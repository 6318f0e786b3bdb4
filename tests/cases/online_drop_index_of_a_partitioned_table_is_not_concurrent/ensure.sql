-- ensure:online always
DROP INDEX IF EXISTS p_w;
ALTER TABLE p ADD COLUMN IF NOT EXISTS more integer;
-- ensure:online always
DROP INDEX IF EXISTS q_d;
