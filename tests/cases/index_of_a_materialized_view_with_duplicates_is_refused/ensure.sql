CREATE UNIQUE INDEX kept_word ON kept (word);
CREATE INDEX taken ON kept (word);
CREATE INDEX nothing ON kept (nosuch);
