ALTER TABLE p_new_one ADD CONSTRAINT p_new_one_unique UNIQUE USING INDEX p_new_one_unique;
ALTER TABLE p DROP CONSTRAINT p_unique;
ALTER TABLE p ADD CONSTRAINT p_unique UNIQUE (w, d, c);
