CREATE VIEW fresh AS SELECT id, email FROM active_users;
COMMENT ON VIEW fresh IS 'made here';
COMMENT ON COLUMN active_users.email IS 'of a view';
