-- Settles a connection for reading the catalog: what the server prints no longer depends on who asks, and what the role or
-- database had set for search_path and TimeZone is kept aside. Returns nothing; safe to repeat.
RESET TimeZone;
SELECT set_config('hrms_migrate.schemas', current_schemas(false)::text, false),
       set_config('hrms_migrate.search_path', current_setting('search_path'), false),
       set_config('hrms_migrate.time_zone', current_setting('TimeZone'), false),
       set_config('hrms_migrate.read_only', current_setting('transaction_read_only'), false)
 WHERE current_setting('hrms_migrate.schemas', true) IS NULL OR current_setting('hrms_migrate.schemas', true) = '';
SET search_path = '';
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET quote_all_identifiers = off;
SET standard_conforming_strings = on;
SET lc_monetary = 'C';
SET client_encoding = 'UTF8';
SET jit = off;
-- A check or a backfill that silently saw fewer rows than a change of type does would lose values: the server refuses instead.
SET row_security = off;
SET lock_timeout = '100ms';
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0
