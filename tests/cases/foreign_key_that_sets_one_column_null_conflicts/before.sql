-- Since 15
CREATE TABLE users (id integer, tenant integer, PRIMARY KEY (id, tenant));
CREATE TABLE leaves (id integer PRIMARY KEY, user_id integer, tenant integer NOT NULL);
ALTER TABLE leaves ADD CONSTRAINT leaves_user_fk FOREIGN KEY (user_id, tenant) REFERENCES users (id, tenant)
    ON DELETE SET NULL (user_id);
