-- Settles a session for reading the catalog: what the server prints no longer depends on who asks, and what the role or
-- database had set for search_path and TimeZone is kept aside, once. Returns nothing; safe to repeat.
--
-- :scope is LOCAL, and :local true, for the one transaction that this stands in: behind a pooler the session may be lent to
-- others afterwards, who must find it as it was. SESSION and false only where the session is known to be ours.
SET :scope TimeZone = DEFAULT;
SELECT set_config('hrms_migrate.schemas', array_to_json(current_schemas(false))::text, :local),
       set_config('hrms_migrate.search_path', current_setting('search_path'), :local),
       set_config('hrms_migrate.time_zone', current_setting('TimeZone'), :local)
 WHERE current_setting('hrms_migrate.schemas', true) IS NULL OR current_setting('hrms_migrate.schemas', true) = '';
SET :scope search_path = '';
SET :scope TimeZone = 'UTC';
SET :scope DateStyle = 'ISO, YMD';
SET :scope IntervalStyle = 'postgres';
SET :scope extra_float_digits = 1;
SET :scope bytea_output = 'hex';
SET :scope quote_all_identifiers = off;
SET :scope standard_conforming_strings = on;
SET :scope lc_monetary = 'C';
SET :scope client_encoding = 'UTF8';
SET :scope jit = off;
-- A check or a backfill that silently saw fewer rows than a change of type does would lose values: the server refuses instead.
SET :scope row_security = off;
SET :scope lock_timeout = '100ms';
SET :scope statement_timeout = 0;
SET :scope idle_in_transaction_session_timeout = 0;
-- From 14 and 17 on: what would end a session that waits, or a transaction that takes its time.
SELECT set_config(name, '0', :local) FROM unnest(ARRAY['idle_session_timeout', 'transaction_timeout']) name
 WHERE current_setting(name, true) IS NOT NULL
