"""Servers, databases and roles that are set otherwise than a program expects."""

import os
import subprocess

from bench import Broken, say

# What is set for the database, and what a run may end with: 0, and then everything is as it would be without, or a refusal that
# says the words.
SET = [
    ("quote_all_identifiers = on", 0, ""),
    ("standard_conforming_strings = off", 0, ""),
    ("default_transaction_isolation = 'serializable'", 0, ""),
    ("default_transaction_isolation = 'repeatable read'", 0, ""),
    ("default_transaction_deferrable = on", 0, ""),
    ("default_transaction_read_only = on", 9, "read-only"),
    ("row_security = off", 0, ""),
    ("statement_timeout = '50ms'", 0, ""),
    ("lock_timeout = '1ms'", 0, ""),
    ("idle_in_transaction_session_timeout = '20ms'", 0, ""),
    ("idle_session_timeout = '500ms'", 0, ""),
    ("transaction_timeout = '50ms'", 0, ""),
    ("DateStyle = 'German, DMY'", 0, ""),
    ("IntervalStyle = 'sql_standard'", 0, ""),
    ("TimeZone = 'Asia/Kathmandu'", 0, ""),
    ("lc_messages = 'de_DE.UTF-8'", 0, ""),
    ("lc_messages = 'C.UTF-8'", 0, ""),
    ("extra_float_digits = -15", 0, ""),
    ("bytea_output = 'escape'", 0, ""),
    ("array_nulls = off", 0, ""),
    ("transform_null_equals = on", 0, ""),
    ("client_encoding = 'LATIN1'", 0, ""),
    ("client_min_messages = 'debug5'", 0, ""),
    ("check_function_bodies = off", 0, ""),
    ("synchronous_commit = 'remote_apply'", 0, ""),
    ("session_replication_role = 'replica'", 0, ""),
    ("plan_cache_mode = 'force_generic_plan'", 0, ""),
    ("enable_seqscan = off", 0, ""),
    ("jit_above_cost = 0", 0, ""),
    ("work_mem = '64kB'", 0, ""),
    ("escape_string_warning = off", 0, ""),
    ("backslash_quote = off", 0, ""),
    ("xmloption = 'document'", 0, ""),
    ("default_statistics_target = 1", 0, ""),
    ("default_tablespace = 'hm_other'", 0, ""),
    ("default_toast_compression = 'pglz'", 0, ""),
    ("vacuum_cost_delay = '1ms'", 0, ""),
    ("search_path = ''", 4, "none of search_path exists"),
    ("search_path = 'nowhere'", 4, "none of search_path exists"),
    ("search_path = 'pg_catalog'", 4, "pg_catalog is the server's own"),
    ("search_path = 'decoy', 'public'", 0, ""),
    ("search_path = 'public', 'decoy'", 0, ""),
]

FORBID = """
CREATE FUNCTION hm_forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no changes on weekdays'; END $$;
CREATE EVENT TRIGGER hm_forbid ON ddl_command_start EXECUTE FUNCTION hm_forbid()
"""
WATCH = """
CREATE SCHEMA watch;
CREATE TABLE watch.seen (tag text);
CREATE FUNCTION watch.note() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO watch.seen VALUES (tg_tag); END $$;
CREATE EVENT TRIGGER hm_note ON ddl_command_end EXECUTE FUNCTION watch.note()
"""


def settings(bench, options, _):
    """Each hostile setting by itself, for the database, as it would be for a role; then event triggers."""
    server, told_of = bench.server, []
    space = os.path.join(bench.cluster.directory, "other")
    bench.cluster.as_server("mkdir", "-p", space)
    server.sql("postgres", f"CREATE TABLESPACE hm_other LOCATION '{space}'")
    left_out, refused = [], []
    try:
        for text, code, words in SET:
            bench.fresh("settings")
            server.sql("settings", "CREATE SCHEMA decoy")
            set_it = subprocess.run(
                ["psql", "-X", "-q", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", f"ALTER DATABASE settings SET {text}"],
                env=bench.environment, capture_output=True, text=True, check=False)
            if set_it.returncode != 0:
                left_out.append(text)
                continue
            told = f"settings: {text}"
            outcome = bench.run("settings")
            again = bench.run("settings")
            server.sql("postgres", "ALTER DATABASE settings RESET ALL")
            outcome.expect([code], told)
            again.expect([code], f"{told}: again")
            if words not in outcome.stderr:
                raise Broken(f"{told}: {words!r} is not said: {outcome.told()}")
            if code:
                refused.append(f"`{text}` ({code})")
                bench.run("settings").expect([0], f"{told}: after it")
            elif "changed  " in again.stdout:
                raise Broken(f"{told}: the second run {again.told()}")
            bench.check("settings", told)
            say(told)
            told_of.append(text)
        for name, sql, code in (("an event trigger that forbids changes", FORBID, 1), ("one that notes them", WATCH, 0)):
            bench.fresh("settings")
            server.sql("settings", sql)
            outcome = bench.run("settings").expect([code], f"settings: {name}")
            if code:
                refused.append(f"{name} ({code})")
                server.sql("settings", "DROP EVENT TRIGGER hm_forbid; DROP FUNCTION hm_forbid()")
                bench.run("settings").expect([0], f"settings: {name}: when it is gone")
            bench.check("settings", f"settings: {name}")
            told_of.append(name)
    finally:
        bench.drop("settings")
        server.sql("postgres", "DROP TABLESPACE hm_other")
    left = f"; the server does not know {', '.join(f'`{one}`' for one in left_out)}" if left_out else ""
    return (f"{len(told_of)} settings", f"the same catalog each time, after a refusal with {', '.join(refused)} once that was gone{left}")
