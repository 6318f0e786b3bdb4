-- One row is one role that the scripts name.
SELECT 'role', ROW(to_json(a.rolname))::text
  FROM pg_catalog.pg_roles a
 WHERE a.rolname IN (SELECT json_array_elements_text($5::json -> 'roles'))
