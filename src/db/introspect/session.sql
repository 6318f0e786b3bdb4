-- Settles a connection for reading the catalog: what the server prints no longer depends on who asks, and what the role or
-- database had set for search_path and TimeZone is kept aside. Returns nothing; safe to repeat.
RESET TimeZone;
SELECT set_config('hrms_migrate.schemas', current_schemas(false)::text, false),
       set_config('hrms_migrate.search_path', current_setting('search_path'), false),
       set_config('hrms_migrate.time_zone', current_setting('TimeZone'), false),
       set_config('hrms_migrate.read_only', current_setting('transaction_read_only'), false)
 WHERE current_setting('hrms_migrate.schemas', true) IS NULL OR current_setting('hrms_migrate.schemas', true) = '';
-- Looking changes nothing, whatever a guard or another question calls. Work switches it off again.
SET default_transaction_read_only = on;
SET search_path = '';
SET TimeZone = 'UTC';
SET lock_timeout = '100ms';
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
