ALTER TABLE leaves ADD CONSTRAINT leaves_user_fk FOREIGN KEY (user_id, tenant) REFERENCES users (id, tenant) ON DELETE SET NULL;
