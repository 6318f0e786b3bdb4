CREATE TABLE users (id serial PRIMARY KEY, email varchar(255), active boolean NOT NULL DEFAULT true, role text);
CREATE TABLE leaves (id serial PRIMARY KEY, user_id integer REFERENCES users (id), days numeric(4,1), status varchar(20));
CREATE VIEW active_users AS SELECT * FROM users WHERE active;
CREATE VIEW days_by_user AS SELECT u.email, count(*) AS n, sum(l.days) FROM users u LEFT JOIN leaves l ON l.user_id = u.id
  WHERE u.active AND l.status IN ('approved', 'pending') GROUP BY u.email HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 10;
CREATE VIEW roles AS SELECT DISTINCT lower(role) AS role FROM users;
CREATE MATERIALIZED VIEW totals AS SELECT user_id, sum(days) AS total FROM leaves GROUP BY user_id;
CREATE VIEW guarded WITH (security_barrier) AS SELECT id FROM users WHERE role = 'hr' WITH CHECK OPTION;
