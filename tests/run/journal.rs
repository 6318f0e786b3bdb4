//! The journal: what is remembered of runs, what is left where they die, and that nothing depends on it.

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_says, kill, large_table, wait_for_query},
};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS t (id integer PRIMARY KEY);";

fn changes(database: &TestDatabase) -> String {
    let sql = "SELECT string_agg(run_id || ':' || number || ':' || state || ':' || verb, ' ' ORDER BY run_id, number) FROM \
               hrms_migrate.changes";
    database.value(sql).unwrap_or_default()
}

/// Waits until a backfill has done some batches.
fn wait_for_batches(database: &TestDatabase) {
    wait_for_query(database, "SELECT to_regclass('hrms_migrate.backfills') IS NOT NULL AS it");
    wait_for_query(database, "SELECT (SELECT rows FROM hrms_migrate.backfills) > 2000 AS it");
}

#[test]
fn what_a_run_changes_is_remembered_with_it() {
    let Some(database) = TestDatabase::new("journal") else { return };
    let scripts = Scripts::one(format!(
        "{TABLE} ALTER TABLE t ADD COLUMN IF NOT EXISTS a text; CREATE INDEX IF NOT EXISTS ix ON t (a);"
    ));
    let none = scripts.command(&["history"]).database(&database).run().expect(0);
    assert_says(&none.stdout, &["no run is remembered"]);
    scripts.command(&["run", "--revision", "r1"]).database(&database).env("USER", "ada").run().expect(0);
    assert_eq!(changes(&database), "1:1:done:add 1:2:done:add 1:3:done:add");
    let run = "SELECT concat_ws(' ', command, outcome, exit_code, os_user, revision, length(scripts_digest), host IS NOT NULL, \
               ended_at >= begun_at) FROM hrms_migrate.runs";
    assert_eq!(database.value(run).as_deref(), Some("run done 0 ada r1 64 t t"));
    // With nothing to do nothing is written.
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT count(*) FROM hrms_migrate.runs").as_deref(), Some("1"));
    let history = scripts.command(&["history"]).database(&database).run().expect(0);
    assert_says(&history.stdout, &["run 1 of", "done, 3 changes", "(ada)"]);
    let one = scripts.command(&["history", "1"]).database(&database).run().expect(0);
    assert_says(&one.stdout, &["table public.t", "column public.t.a", "index ix on public.t"]);
    let status = scripts.command(&["status"]).database(&database).run().expect(0);
    assert_says(&status.stdout, &["run 1 of"]);
    for (filter, found) in [
        (["--object", "public.t.a"], true),
        (["--object", "public.u"], false),
        (["--script", "one.sql"], false),
        (["--since", "yesterday"], true),
        (["--since", "tomorrow"], false),
        (["--host", "no such host"], false),
    ] {
        let history = scripts.command(&[&["history"][..], &filter].concat()).database(&database).run().expect(0);
        assert_eq!(history.stdout.contains("run 1 of"), found, "{filter:?}: {}", history.stdout);
    }
    let wrong = scripts.command(&["history", "--since", "gestern"]).database(&database).run().expect(64);
    assert_says(&wrong.stderr, &["error[usage]", "gestern"]);
    scripts.command(&["history", "7"]).database(&database).run().expect(64);
}

#[test]
fn a_journal_may_have_another_name_or_be_left_out() {
    let Some(database) = TestDatabase::new("journal_name") else { return };
    let scripts = Scripts::one(TABLE);
    scripts.command(&["run", "--no-journal"]).database(&database).run().expect(0);
    assert_eq!(database.value("SELECT to_regnamespace('hrms_migrate') IS NULL").as_deref(), Some("true"));
    let scripts = Scripts::one(format!("{TABLE} ALTER TABLE t ADD COLUMN IF NOT EXISTS a text;"));
    scripts.command(&["run", "--journal-schema", "\"My journal\""]).database(&database).run().expect(0);
    assert_eq!(database.value("SELECT count(*) FROM \"My journal\".changes").as_deref(), Some("1"));
    let history = ["history", "--journal-schema", "\"My journal\""];
    assert_says(&scripts.command(&history).database(&database).run().expect(0).stdout, &["1 change"]);
    scripts.command(&["history", "--no-journal"]).database(&database).run().expect(1);
}

#[test]
fn what_failed_is_remembered_as_failed() {
    let Some(database) = TestDatabase::new("journal_failed") else { return };
    let scripts = Scripts::one(format!("{TABLE}\n-- ensure:unless SELECT false\nDO $$ BEGIN RAISE 'no'; END $$;"));
    scripts.run(&database).expect(1);
    assert_eq!(changes(&database), "1:1:done:add 1:2:failed:run");
    let run = "SELECT concat_ws(' ', outcome, exit_code, error) FROM hrms_migrate.runs";
    assert_says(&database.value(run).unwrap(), &["statement-failed 1"]);
    let history = scripts.command(&["history", "1"]).database(&database).run().expect(0);
    assert_says(&history.stdout, &["statement-failed", "failed"]);
}

#[test]
fn what_fails_at_its_commit_is_told_and_undone_and_the_journal_goes_on() {
    let Some(database) = TestDatabase::new("journal_commit") else { return };
    database.execute(
        "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (id integer PRIMARY KEY, p integer REFERENCES p (id) DEFERRABLE \
         INITIALLY DEFERRED)",
    );
    let wrong = "-- ensure:unless SELECT EXISTS (SELECT FROM c)\nDO $$ BEGIN INSERT INTO c VALUES (1, 7); END $$;";
    let scripts = Scripts::none().and("010_a.sql", TABLE).and("020_b.sql", wrong);
    let run = scripts.run(&database).expect(1);
    assert_says(&run.stderr, &["error[statement-failed]", "foreign key constraint", "020_b.sql", "undone"]);
    assert!(!run.stderr.contains("no-journal"), "{}", run.stderr);
    assert_eq!(changes(&database), "1:1:done:add 1:2:failed:run");
    assert_eq!(database.value("SELECT count(*) FROM c").as_deref(), Some("0"));
    scripts.write("020_b.sql", wrong.replace('7', "NULL"));
    scripts.run(&database).expect(0);
    assert_eq!(changes(&database), "1:1:done:add 1:2:failed:run 2:1:done:run");
}

#[test]
fn an_atomic_run_is_remembered_as_a_whole_or_as_a_failure() {
    let Some(database) = TestDatabase::new("journal_atomic") else { return };
    let scripts = Scripts::none()
        .and("010_a.sql", TABLE)
        .and("020_b.sql", "ALTER TABLE t ADD COLUMN IF NOT EXISTS a text DEFAULT lower(1 / 0::text);");
    let run = scripts.command(&["run", "--atomic"]).database(&database).run();
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert_eq!(changes(&database), "1:1:failed:add");
    assert_eq!(database.value("SELECT outcome FROM hrms_migrate.runs").as_deref(), Some("statement-failed"));
    scripts.write("020_b.sql", "ALTER TABLE t ADD COLUMN IF NOT EXISTS a text;");
    scripts.command(&["run", "--atomic"]).database(&database).run().expect(0);
    assert_eq!(changes(&database), "1:1:failed:add 2:1:done:add 2:2:done:add");
}

#[test]
fn an_older_journal_is_read_and_brought_up_to_date_by_the_next_run() {
    let Some(database) = TestDatabase::new("journal_older") else { return };
    let scripts = Scripts::one("CREATE TABLE IF NOT EXISTS t (id integer);");
    scripts.run(&database).expect(0);
    database.execute("ALTER TABLE hrms_migrate.runs DROP COLUMN backup");
    // Its first run made the books, too.
    database.execute(
        "CREATE TABLE hrms_migrate.__diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT \
         now()); INSERT INTO hrms_migrate.__diesel_schema_migrations VALUES ('00000000000001')",
    );
    let history = scripts.command(&["history"]).database(&database).run().expect(0);
    assert_says(&history.stdout, &["run 1 of", "done, 1 change"]);
    scripts.write("020_more.sql", "CREATE TABLE IF NOT EXISTS u (id integer);");
    let run = scripts.run(&database).expect(0);
    assert!(!run.stderr.contains("no-journal"), "{}", run.stderr);
    let history = scripts.command(&["history"]).database(&database).run().expect(0);
    assert_says(&history.stdout, &["run 1 of", "run 2 of"]);
    let versions =
        "SELECT string_agg(right(version, 1), ',' ORDER BY version) FROM hrms_migrate.__diesel_schema_migrations";
    assert_eq!(database.value(versions).as_deref(), Some("1,2,4"));
}

#[test]
fn a_journal_that_is_dropped_is_made_anew() {
    let Some(database) = TestDatabase::new("journal_dropped") else { return };
    let scripts = Scripts::one(TABLE);
    scripts.run(&database).expect(0);
    database.execute("DROP SCHEMA hrms_migrate CASCADE");
    scripts.run(&database).expect(0);
    scripts.command(&["verify"]).database(&database).run().expect(0);
    Scripts::one("ALTER TABLE t ADD COLUMN IF NOT EXISTS b text;").run(&database).expect(0);
    assert_eq!(changes(&database), "1:1:done:add");
    // Dropped while a run is at work: the script itself does it.
    let drops = "-- ensure:when SELECT to_regclass('hrms_migrate.runs') IS NOT NULL\nDO $$ BEGIN DROP SCHEMA hrms_migrate CASCADE; END $$;";
    let scripts = Scripts::none()
        .and("010_a.sql", "ALTER TABLE t ADD COLUMN IF NOT EXISTS a text;")
        .and("020_b.sql", drops)
        .and("030_c.sql", "ALTER TABLE t ADD COLUMN IF NOT EXISTS c text;");
    let run = scripts.run(&database).expect(0);
    assert_says(&run.stderr, &["warning[no-journal]"]);
    assert_eq!(
        database.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'").as_deref(),
        Some("4")
    );
}

#[test]
fn a_journal_that_cannot_be_made_is_told_of() {
    let Some(database) = TestDatabase::new("journal_other") else { return };
    database.execute("CREATE SCHEMA hrms_migrate; CREATE TABLE hrms_migrate.changes (mine integer)");
    let run = Scripts::one(TABLE).run(&database).expect(0);
    assert_says(&run.stderr, &["warning[no-journal]", "relation \"changes\" already exists"]);
    assert_eq!(database.value("SELECT count(*) FROM hrms_migrate.changes").as_deref(), Some("0"));
    let table = database.value("SELECT to_regclass('hrms_migrate.runs') IS NULL AND to_regclass('t') IS NOT NULL");
    assert_eq!(table.as_deref(), Some("true"));
}

#[test]
fn a_newer_journal_is_not_touched() {
    let Some(database) = TestDatabase::new("journal_newer") else { return };
    Scripts::one(TABLE).run(&database).expect(0);
    // The second run makes the books.
    Scripts::one("ALTER TABLE t ADD COLUMN IF NOT EXISTS b text;").run(&database).expect(0);
    database.execute("INSERT INTO hrms_migrate.__diesel_schema_migrations (version) VALUES ('99990101000000')");
    let scripts = Scripts::one(format!("{TABLE} ALTER TABLE t ADD COLUMN IF NOT EXISTS a text;"));
    let run = scripts.run(&database).expect(9);
    assert_says(&run.stderr, &["error[journal-newer]", "99990101000000", "--no-journal"]);
    assert_eq!(changes(&database), "1:1:done:add 2:1:done:add");
    // It may have other tables.
    database.execute("DROP TABLE hrms_migrate.changes, hrms_migrate.runs");
    let run = scripts.run(&database).expect(9);
    assert_says(&run.stderr, &["error[journal-newer]", "99990101000000"]);
    scripts.command(&["run", "--no-journal"]).database(&database).run().expect(0);
}

#[test]
fn a_role_that_may_not_keep_a_journal_runs_without() {
    let Some(database) = TestDatabase::new("journal_rights") else { return };
    let role = format!("{}_role", database.name());
    database.execute(&format!("CREATE ROLE \"{role}\" LOGIN; CREATE SCHEMA s AUTHORIZATION \"{role}\""));
    let scripts = Scripts::one("CREATE TABLE IF NOT EXISTS s.t (id integer);");
    let run = scripts.on(&database).env("PGOPTIONS", format!("-c role={role}")).run().expect(0);
    assert_says(&run.stderr, &["warning[no-journal]", "permission denied"]);
    assert_eq!(database.value("SELECT to_regclass('s.t') IS NOT NULL").as_deref(), Some("true"));
    // One of another role, in a schema that it may not look into.
    Scripts::one(TABLE).run(&database).expect(0);
    let scripts = Scripts::one("ALTER TABLE s.t ADD COLUMN IF NOT EXISTS a text;");
    let run = scripts.on(&database).env("PGOPTIONS", format!("-c role={role}")).run().expect(0);
    assert_says(&run.stderr, &["warning[no-journal]", "permission denied"]);
    assert_eq!(changes(&database), "1:1:done:add");
    database.execute(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

#[test]
fn a_role_that_may_only_write_keeps_the_journal_of_another() {
    let Some(database) = TestDatabase::new("journal_writer") else { return };
    let role = format!("{}_role", database.name());
    database.execute(&format!("CREATE ROLE \"{role}\" LOGIN; CREATE SCHEMA s AUTHORIZATION \"{role}\""));
    let scripts = Scripts::one(TABLE);
    scripts.run(&database).expect(0);
    let key = "SELECT to_regclass('hrms_migrate.changes_pkey') IS NOT NULL";
    assert_eq!(database.value(key).as_deref(), Some("false"), "a first run has made more than it needs");
    database.execute(&format!(
        "GRANT USAGE ON SCHEMA hrms_migrate TO \"{role}\"; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA hrms_migrate TO \
         \"{role}\""
    ));
    // What is the owner's to make it does without.
    let theirs = Scripts::one("CREATE TABLE IF NOT EXISTS s.t (id integer);");
    let run = theirs.on(&database).env("PGOPTIONS", format!("-c role={role}")).run().expect(0);
    assert!(!run.stderr.contains("no-journal"), "{}", run.stderr);
    assert_eq!(changes(&database), "1:1:done:add 2:1:done:add");
    assert_eq!(database.value(key).as_deref(), Some("false"));
    Scripts::one(format!("{TABLE} CREATE INDEX IF NOT EXISTS ix ON t (id);")).run(&database).expect(0);
    assert_eq!(changes(&database), "1:1:done:add 2:1:done:add 3:1:done:add");
    assert_eq!(database.value(key).as_deref(), Some("true"));
    database.execute(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

#[test]
fn a_run_that_was_killed_is_told_and_its_backfill_goes_on_where_it_was() {
    let Some(database) = TestDatabase::new("journal_killed") else { return };
    database.execute(&format!(
        "{} ALTER TABLE large SET (autovacuum_enabled = off), ALTER word TYPE text USING NULL::text; ANALYZE large;",
        large_table("large")
    ));
    let scripts = Scripts::one("-- ensure:batch 1_000\nUPDATE large SET word = 'none' WHERE word IS NULL;");
    let run = scripts.on(&database).spawn();
    wait_for_batches(&database);
    kill(run);
    wait_for_query(
        &database,
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()) AS it",
    );
    // Before PostgreSQL 14 batches go by the key, and the page stays 0.
    let done = database.value("SELECT next_page FROM hrms_migrate.backfills").unwrap().parse::<i64>().unwrap();
    let status = scripts.command(&["status"]).database(&database).run().expect(0);
    assert_says(&status.stdout, &["interrupted", "stopped"]);
    // The rows before the watermark are done: who takes one back sees that the next run does not begin with them.
    let rows = "SELECT count(*) FROM large WHERE word IS NULL AND ctid < ";
    assert_eq!(database.value(&format!("{rows} '({done},0)'")).as_deref(), Some("0"));
    let run = scripts.on(&database).arg("-vv").run().expect(0);
    assert!(!run.stderr.contains("ctid >= '(0,0)'"), "{}", run.stderr);
    assert_eq!(database.value("SELECT count(*) FROM large WHERE word IS NULL").as_deref(), Some("0"));
    assert_eq!(database.value("SELECT rows FROM hrms_migrate.backfills").as_deref(), Some("60000"));
    assert_eq!(
        database.value("SELECT string_agg(outcome, ' ' ORDER BY id) FROM hrms_migrate.runs").as_deref(),
        Some("interrupted done")
    );
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_backfill_is_paused_resumed_and_canceled() {
    let Some(database) = TestDatabase::new("journal_pause") else { return };
    database.execute(&format!(
        "{} ALTER TABLE large SET (autovacuum_enabled = off), ALTER word TYPE text USING NULL::text; ANALYZE large;",
        large_table("large")
    ));
    let scripts = Scripts::one("-- ensure:batch 1_000\nUPDATE large SET word = 'none' WHERE word IS NULL;");
    let ask = |arguments: &[&str]| scripts.command(&[&["backfill"][..], arguments].concat()).database(&database).run();
    assert_says(&ask(&[]).expect(0).stdout, &["no backfill is open"]);
    let run = scripts.on(&database).spawn();
    wait_for_batches(&database);
    assert_says(&ask(&["pause"]).expect(0).stdout, &["backfill 1 of"]);
    let stopped = run.wait().expect(8);
    assert_says(&stopped.stderr, &["error[backfill-stopped]", "was paused", "resume"]);
    assert_says(&ask(&["list"]).expect(0).stdout, &["paused"]);
    let left = || database.value("SELECT count(*) FROM large WHERE word IS NULL").unwrap().parse::<u32>().unwrap();
    let paused = left();
    assert!((1..60_000).contains(&paused), "{paused}");
    // A paused one stops every run.
    scripts.run(&database).expect(8);
    assert_eq!(left(), paused);
    ask(&["pause", "1"]).expect(64);
    ask(&["resume", "2"]).expect(64);
    ask(&["resume", "1"]).expect(0);
    let run = scripts.on(&database).spawn();
    wait_for_query(
        &database,
        "SELECT (SELECT state = 'working' AND updated_at > begun_at AND rows > 0 AND run_id > 2 FROM hrms_migrate.backfills) AS it",
    );
    ask(&["cancel"]).expect(0);
    run.wait().expect(8);
    assert_says(&ask(&[]).expect(0).stdout, &["canceled"]);
    // The next run begins it anew, and finds what is done.
    scripts.run(&database).expect(0);
    assert_eq!(left(), 0);
    assert_says(&ask(&[]).expect(0).stdout, &["no backfill is open"]);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_journal_whose_making_would_wait_for_the_run_itself_is_made_before_it() {
    let Some(database) = TestDatabase::new("journal_waits") else { return };
    // Whoever makes something holds the row until it commits: the tables of the journal and those of the script at once are one
    // too many.
    database.execute(
        "CREATE TABLE made (n integer); INSERT INTO made VALUES (0);
         CREATE FUNCTION count_made() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN UPDATE public.made SET n = n + 1; PERFORM pg_sleep(0.05); END $$;
         CREATE EVENT TRIGGER count_made ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION count_made();",
    );
    let scripts =
        Scripts::one("CREATE TABLE a (n integer);\nCREATE TABLE b (n integer);\nCREATE TABLE c (n integer);\n");
    let run = scripts.run(&database).expect(0);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    assert_eq!(database.value("SELECT count(*) FROM hrms_migrate.changes WHERE state = 'done'").as_deref(), Some("3"));
    scripts.assert_nothing_left(&database);
}

#[test]
fn what_others_have_changed_since_is_shown() {
    let Some(database) = TestDatabase::new("drift") else { return };
    let scripts = Scripts::one(
        "CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE people (id serial PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'x', mood mood, old_name text);
CREATE INDEX IF NOT EXISTS people_name ON people (lower(name)) WHERE mood = 'good';
ALTER TABLE people ADD CONSTRAINT named CHECK (name <> '');
CREATE VIEW named AS SELECT id, name FROM people;
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 2 * n $$;
CREATE TABLE pets (id integer PRIMARY KEY, owner_id integer REFERENCES people (id));
",
    );
    scripts.run(&database).expect(0);
    let shown = |command: &str| scripts.command(&[command]).database(&database).run().stdout;
    assert_says(&shown("history"), &["history 1 run"]);
    // What belongs to others alone is none of our business.
    database.execute("ALTER TABLE people ADD COLUMN theirs integer; CREATE TABLE other (id integer)");
    assert_says(&shown("history"), &["history 1 run"]);
    assert!(!shown("history").contains("by others"));
    database.execute(
        "ALTER TABLE people ALTER COLUMN name SET DEFAULT 'y'; DROP INDEX people_name; ALTER TYPE mood ADD VALUE 'so so';
         CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT n + n $$;
         ALTER TABLE people DROP COLUMN old_name",
    );
    let drift = [
        "column public.people.name: character varying(40) DEFAULT 'x'",
        "after run 1 of",
        "index people_name on public.people: ",
        "now not there",
        "enum public.mood: 'good', 'bad' after run 1",
        "routine public.twice(integer)",
        "column public.people.old_name: text after run 1",
    ];
    let history = shown("history").replace("\n     ", "");
    assert_says(&history, &["history 1 run, 5 objects were changed by others"]);
    let words = history.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_says(&words, &drift);
    assert!(!words.contains("constraint"), "{words}");
    assert_says(&shown("status").split_whitespace().collect::<Vec<_>>().join(" "), &drift);
    let one = scripts.command(&["history", "--object", "people_name"]).database(&database).run().expect(0);
    assert_says(&one.stdout, &["1 object was changed by others"]);
    // What the next run puts right, and what it changes itself, is no difference any more.
    scripts.write(
        "010_test.sql",
        "ALTER TABLE people ALTER COLUMN name SET DEFAULT 'z';
ALTER TABLE people RENAME TO persons;
CREATE INDEX IF NOT EXISTS people_name ON persons (name);
DROP VIEW IF EXISTS named;
-- ensure:allow drop -- nobody has any
DROP TABLE IF EXISTS pets;
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'so so';
",
    );
    scripts.run(&database).expect(0);
    let words = shown("history").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!words.contains("people") && !words.contains("pets") && !words.contains("view"), "{words}");
    // A rollback is a run as well.
    scripts.command(&["rollback", "--allow", "data-loss"]).database(&database).run();
    let words = shown("history").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!words.contains("persons"), "{words}");
}

#[test]
fn it_is_made_whatever_time_the_database_gives_a_statement() {
    let Some(database) = TestDatabase::new("journal_timeout") else { return };
    // Making its tables takes longer than an application's statement may.
    database.execute(
        "CREATE SCHEMA watch;
         CREATE FUNCTION watch.slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_sleep(1.5) FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'hrms_migrate.runs';
         END $$;
         CREATE EVENT TRIGGER watch_slow ON ddl_command_end EXECUTE FUNCTION watch.slow()",
    );
    database.execute(&format!("ALTER DATABASE {} SET statement_timeout = '1s'", database.name()));
    Scripts::one("CREATE TABLE t (id integer);").run(&database).expect(0);
    assert_eq!(database.value("SELECT count(*) FROM hrms_migrate.runs").as_deref(), Some("1"));
}
