-- Settles a session for reading the catalog: what the server prints no longer depends on who asks, and what the role or
-- database had set for search_path and TimeZone is kept aside, once. Returns nothing of use; safe to repeat. Few statements with
-- many settings each: it is sent for every look.
--
-- :scope is LOCAL, and :local true, for the one transaction that this stands in: behind a pooler the session may be lent to
-- others afterwards, who must find it as it was. SESSION and false only where the session is known to be ours.
SET :scope TimeZone = DEFAULT;
SELECT set_config('hrms_migrate.schemas', current_schemas(false)::text, :local),
       set_config('hrms_migrate.search_path', current_setting('search_path'), :local),
       set_config('hrms_migrate.time_zone', current_setting('TimeZone'), :local)
 WHERE current_setting('hrms_migrate.schemas', true) IS NULL OR current_setting('hrms_migrate.schemas', true) = '';
SELECT set_config('search_path', '', :local), set_config('TimeZone', 'UTC', :local), set_config('lock_timeout', '100ms', :local),
       set_config('statement_timeout', '0', :local), set_config('idle_in_transaction_session_timeout', '0', :local),
       -- Of version 17 and later.
       CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
            THEN set_config('transaction_timeout', '0', :local) END