CREATE OR REPLACE VIEW active_users AS SELECT * FROM users WHERE active;
CREATE OR REPLACE VIEW days_by_user AS
  SELECT x.email, COUNT(*) n, SUM(days) AS sum
    FROM users AS x LEFT OUTER JOIN leaves ON (leaves.user_id = x.id)
   WHERE x.active AND status = ANY (ARRAY['pending', 'approved'])
   GROUP BY x.email HAVING COUNT(*) > 1 ORDER BY n DESC LIMIT 10;
CREATE OR REPLACE VIEW roles (role) AS SELECT DISTINCT lower(users.role) FROM public.users;
CREATE MATERIALIZED VIEW IF NOT EXISTS totals AS SELECT user_id, sum(days) total FROM leaves GROUP BY 1;
CREATE OR REPLACE VIEW guarded WITH (security_barrier = true) AS SELECT id FROM users WHERE role = 'hr'::text WITH CASCADED CHECK OPTION;
CREATE OR REPLACE VIEW fresh AS SELECT id, email FROM active_users;
COMMENT ON VIEW fresh IS 'made here';
COMMENT ON COLUMN active_users.email IS 'of a view';
