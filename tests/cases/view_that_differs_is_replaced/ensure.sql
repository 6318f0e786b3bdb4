CREATE OR REPLACE VIEW hr AS SELECT id, email FROM users WHERE role = 'admin';
CREATE OR REPLACE VIEW wide AS SELECT id, email FROM users;
DROP VIEW IF EXISTS other;
CREATE VIEW other AS SELECT email FROM users;
COMMENT ON VIEW other IS 'made again';
