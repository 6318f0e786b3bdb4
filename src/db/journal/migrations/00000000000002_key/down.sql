ALTER TABLE changes DROP CONSTRAINT changes_pkey;
