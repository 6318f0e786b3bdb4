//! What runs have changed is taken back: exactly, never with a loss that nobody allowed, and for as long as the journal knows.

use std::thread;

use diesel::connection::SimpleConnection as _;

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_says, in_transaction, kill, large_table, wait_for_lock_wait, wait_for_query},
};

/// A table that was there before any run, with rows.
const LIVED_IN: &str = "CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE people (id integer PRIMARY KEY, name varchar(40) NOT NULL, age integer, mood mood DEFAULT 'good');
    CREATE INDEX people_name ON people (name);
    INSERT INTO people SELECT n, 'name ' || n, n FROM generate_series(1, 50) n;";

fn rollback(scripts: &Scripts, arguments: &[&str]) -> crate::support::CliBuilder {
    scripts.command(&[&["rollback"][..], arguments].concat())
}

#[test]
fn what_was_there_before_comes_back_and_the_rest_is_not_touched() {
    let Some(database) = TestDatabase::new("rollback") else { return };
    database.execute(LIVED_IN);
    let before = database.catalog("public");
    let rows =
        || database.value("SELECT md5(string_agg(concat_ws('|', id, name, age, mood), ',' ORDER BY id)) FROM people");
    let rows_before = rows();
    let scripts = Scripts::none()
        .and(
            "010_people.sql",
            "ALTER TABLE people ADD COLUMN IF NOT EXISTS phone text;
             ALTER TABLE people ALTER COLUMN age TYPE bigint;
             ALTER TABLE people ALTER COLUMN age SET NOT NULL;
             ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'bad';
             ALTER TABLE people ALTER COLUMN name TYPE varchar(80);
             CREATE INDEX IF NOT EXISTS people_age ON people (age);
             -- ensure:allow drop -- a better one follows
             DROP INDEX IF EXISTS people_name;
             COMMENT ON TABLE people IS 'who works here';",
        )
        .and(
            "020_teams.sql",
            "CREATE TABLE IF NOT EXISTS teams (id serial PRIMARY KEY, lead integer REFERENCES people (id));
             ALTER TABLE people ADD COLUMN IF NOT EXISTS team integer REFERENCES teams (id);",
        );
    scripts.run(&database).expect(0);
    let after = database.catalog("public");
    assert_ne!(before, after);
    let plan = rollback(&scripts, &["--dry-run"]).database(&database).run().expect(0);
    assert_says(
        &plan.stdout,
        &["table public.teams", "column public.people.phone", "`hrms-migrate rollback` carries it out"],
    );
    let sql = rollback(&scripts, &["--sql"]).database(&database).run().expect(0);
    assert_says(&sql.stdout, &["DROP TABLE public.teams", "COMMIT"]);
    assert_eq!(database.catalog("public"), after, "a dry run changes nothing");
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(database.catalog("public"), before);
    assert_eq!(rows(), rows_before);
    let history = scripts.command(&["history"]).database(&database).run().expect(0);
    assert_says(&history.stdout, &["rollback 2 of", "run 1 of"]);
    assert_says(
        &scripts.command(&["history", "1"]).database(&database).run().expect(0).stdout,
        &["taken back by run 2"],
    );
    let nothing = rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_says(&nothing.stderr, &["nothing is to be taken back"]);
    // A run takes the rollback back.
    scripts.run(&database).expect(0);
    assert_eq!(database.catalog("public"), after);
    scripts.assert_nothing_left(&database);
}

#[test]
fn what_would_be_lost_is_counted_and_refused() {
    let Some(database) = TestDatabase::new("rollback_loss") else { return };
    database.execute(LIVED_IN);
    let before = database.catalog("public");
    let scripts = Scripts::one(
        "ALTER TABLE people ADD COLUMN IF NOT EXISTS phone text;
         CREATE TABLE IF NOT EXISTS teams (id integer PRIMARY KEY);",
    );
    scripts.run(&database).expect(0);
    database.execute("UPDATE people SET phone = '0' WHERE id < 4; INSERT INTO teams VALUES (1)");
    let after = database.catalog("public");
    for arguments in [&[][..], &["--dry-run"], &["--sql"]] {
        let refused = rollback(&scripts, arguments).database(&database).run().expect(4);
        assert_says(
            &refused.stderr,
            &["error[would-lose]", "public.people.phone", "3 rows", "public.teams", "1 row has"],
        );
    }
    assert_eq!(database.catalog("public"), after);
    let allowed = rollback(&scripts, &["--allow", "data-loss"]).database(&database).run().expect(0);
    assert_says(&allowed.stderr, &["warning[would-lose]"]);
    assert_eq!(database.catalog("public"), before);
}

#[test]
fn what_is_written_after_it_was_counted_is_not_lost() {
    let Some(database) = TestDatabase::new("rollback_written") else { return };
    database.execute(LIVED_IN);
    let scripts = Scripts::none()
        .and("010_a.sql", "CREATE TABLE IF NOT EXISTS teams (id integer PRIMARY KEY);")
        .and("020_b.sql", "ALTER TABLE people ADD COLUMN IF NOT EXISTS phone text, ADD COLUMN IF NOT EXISTS fax text;")
        .and("030_c.sql", "ALTER TABLE people ALTER COLUMN age TYPE numeric(9,2);");
    for (script, write, lost) in [
        ("10", "INSERT INTO teams VALUES (1)", "rows of table public.teams"),
        ("20", "UPDATE people SET phone = '1' WHERE id = 1", "values of column public.people.phone"),
        ("30", "UPDATE people SET age = 1.5 WHERE id = 1", "values of column public.people.age"),
    ] {
        for flags in [&[][..], &["--atomic"]] {
            scripts.run(&database).expect(0);
            let catalog = database.catalog("public");
            // Written when the rollback counts, and committed when it waits for the lock.
            let mut writer = in_transaction(&database, write);
            let run = rollback(&scripts, &[&["--script", script][..], flags].concat()).database(&database).spawn();
            wait_for_lock_wait(&database);
            writer.batch_execute("COMMIT").unwrap();
            let refused = run.wait().expect(4);
            assert_says(&refused.stderr, &["error[would-lose]", lost, "since they were counted", "data-loss"]);
            assert_eq!(database.catalog("public"), catalog);
            database.execute("TRUNCATE teams; UPDATE people SET phone = NULL, age = 1");
        }
        rollback(&scripts, &["--script", script]).database(&database).run().expect(0);
    }
}

#[test]
fn what_a_script_says_for_its_way_back_is_done_once_however_often_a_rollback_is_begun() {
    let Some(database) = TestDatabase::new("rollback_down_once") else { return };
    database.execute(LIVED_IN);
    let before = database.catalog("public");
    let scripts = Scripts::none().and("010_a.sql", "ALTER TABLE people ADD COLUMN IF NOT EXISTS phone text;").and(
        "020_b.sql",
        "CREATE TABLE IF NOT EXISTS marks (id integer);
             -- ensure:down DELETE FROM marks
             -- ensure:when SELECT NOT EXISTS (SELECT FROM marks)
             INSERT INTO marks SELECT 1;",
    );
    scripts.run(&database).expect(0);
    let mut reader = in_transaction(&database, "LOCK TABLE people IN ACCESS SHARE MODE");
    let run = rollback(&scripts, &["--allow", "data-loss"]).database(&database).spawn();
    wait_for_lock_wait(&database);
    kill(run);
    assert_eq!(database.value("SELECT to_regclass('marks') IS NULL").as_deref(), Some("true"));
    reader.batch_execute("COMMIT").unwrap();
    rollback(&scripts, &["--allow", "data-loss"]).database(&database).run().expect(0);
    assert_eq!(database.catalog("public"), before);
    // What is done anew goes back anew.
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT count(*) FROM marks").as_deref(), Some("1"));
    let again = rollback(&scripts, &["--script", "20", "--allow", "data-loss"]).database(&database).run().expect(0);
    assert_says(&again.stdout, &["DELETE"]);
    assert_eq!(database.value("SELECT to_regclass('marks') IS NULL").as_deref(), Some("true"));
}

#[test]
fn nobody_writes_to_a_column_of_a_large_table_between_count_and_drop() {
    const GUARD: &str = "SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = 'note__hm_keep') AS it";
    let Some(database) = TestDatabase::new("rollback_guard") else { return };
    database.execute(&large_table("large"));
    let before = database.catalog("public");
    let scripts = Scripts::one("ALTER TABLE large ADD COLUMN IF NOT EXISTS note text;");
    // Committed when the guard waits for its lock.
    scripts.run(&database).expect(0);
    let mut writer = in_transaction(&database, "UPDATE large SET note = 'x' WHERE id = 1");
    let run = rollback(&scripts, &[]).database(&database).spawn();
    wait_for_lock_wait(&database);
    writer.batch_execute("COMMIT").unwrap();
    let refused = run.wait().expect(4);
    assert_says(
        &refused.stderr,
        &["error[would-lose]", "values of column public.large.note", "since they were counted"],
    );
    assert!(!refused.stderr.contains("__hm"), "{}", refused.stderr);
    assert_eq!(database.value(GUARD).as_deref(), Some("false"));
    database.execute("UPDATE large SET note = NULL WHERE id = 1");
    for killed in [true, false] {
        // Who reads the rows while the guard stands waits for this one, which waits for the guard.
        let mut first = in_transaction(&database, "LOCK TABLE large IN ROW EXCLUSIVE MODE");
        let run = rollback(&scripts, &[]).database(&database).spawn();
        wait_for_lock_wait(&database);
        let other = thread::scope(|scope| {
            let other = scope.spawn(|| in_transaction(&database, "LOCK TABLE large IN SHARE UPDATE EXCLUSIVE MODE"));
            let waiting = "SELECT count(*) = 2 AS it FROM pg_stat_activity WHERE datname = current_database() AND \
                           wait_event_type = 'Lock'";
            wait_for_query(&database, waiting);
            first.batch_execute("COMMIT").unwrap();
            other.join().unwrap()
        });
        let mut application = database.connect();
        let refused = application.batch_execute("UPDATE large SET note = 'x' WHERE id = 2").unwrap_err();
        assert_says(&refused.to_string(), &["note__hm_keep"]);
        application.batch_execute("UPDATE large SET word = 'x' WHERE id = 2").unwrap();
        if killed {
            kill(run);
            drop(other);
            let broken = scripts.command(&["repair"]).database(&database).run();
            assert_says(&broken.stderr, &["note__hm_keep", "not finished"]);
        } else {
            drop(other);
            run.wait().expect(0);
        }
    }
    assert_eq!(database.catalog("public"), before);
    assert_eq!(database.value(GUARD).as_deref(), Some("false"));
}

#[test]
fn what_cannot_be_taken_back_is_named() {
    let Some(database) = TestDatabase::new("rollback_rows") else { return };
    database.execute(LIVED_IN);
    let scripts = Scripts::one(
        "ALTER TABLE people ADD COLUMN IF NOT EXISTS phone text;
         UPDATE people SET age = 1 WHERE age IS DISTINCT FROM 1;
         -- ensure:unless SELECT EXISTS (SELECT FROM people WHERE name = 'x')
         UPDATE people SET name = 'x' WHERE id = 1;",
    );
    let run = scripts.run(&database);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let refused = rollback(&scripts, &[]).database(&database).run().expect(4);
    assert_says(&refused.stderr, &["error[not-returnable]", "public.people"]);
    rollback(&scripts, &["--allow", "data-loss"]).database(&database).run().expect(0);
    assert_eq!(
        database.value("SELECT count(*) FROM information_schema.columns WHERE column_name = 'phone'").as_deref(),
        Some("0")
    );
}

#[test]
fn the_script_may_say_what_takes_a_statement_back() {
    let Some(database) = TestDatabase::new("rollback_down") else { return };
    database.execute(LIVED_IN);
    let scripts = Scripts::one(
        "-- ensure:down UPDATE people SET mood = 'good'
         --   WHERE mood = 'bad';
         UPDATE people SET mood = 'bad' WHERE mood = 'good';
         -- ensure:unless SELECT to_regclass('by_hand') IS NOT NULL
         -- ensure:down DROP TABLE IF EXISTS by_hand;
         DO $$ BEGIN CREATE TABLE by_hand (id integer); END $$;",
    );
    scripts.run(&database).expect(0);
    let moods = || database.value("SELECT string_agg(DISTINCT mood::text, ' ') FROM people");
    assert_eq!(moods().as_deref(), Some("bad"));
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(moods().as_deref(), Some("good"));
    assert_eq!(database.value("SELECT to_regclass('by_hand') IS NULL").as_deref(), Some("true"));
}

#[test]
fn runs_and_scripts_are_chosen() {
    let Some(database) = TestDatabase::new("rollback_choice") else { return };
    let script = |names: &[&str]| {
        names.iter().fold(Scripts::none(), |scripts, name| {
            scripts.and(&format!("0{name}0_{name}.sql"), format!("CREATE TABLE IF NOT EXISTS t{name} (id integer);"))
        })
    };
    let tables = || {
        let sql = "SELECT coalesce(string_agg(tablename, ' ' ORDER BY tablename), '') FROM pg_tables WHERE schemaname = 'public'";
        database.value(sql).unwrap()
    };
    script(&["1", "2"]).run(&database).expect(0);
    script(&["1", "2", "3"]).run(&database).expect(0);
    let scripts = script(&["1", "2", "3", "4"]);
    scripts.run(&database).expect(0);
    rollback(&scripts, &["--script", "2"]).database(&database).run().expect(0);
    assert_eq!(tables(), "t1 t3 t4");
    rollback(&scripts, &["--run", "2"]).database(&database).run().expect(0);
    assert_eq!(tables(), "t1 t4");
    rollback(&scripts, &["--to", "1"]).database(&database).run().expect(0);
    assert_eq!(tables(), "t1");
    scripts.run(&database).expect(0);
    assert_eq!(tables(), "t1 t2 t3 t4");
    rollback(&scripts, &["-n", "2"]).database(&database).run().expect(0);
    assert_eq!(tables(), "");
    rollback(&scripts, &["--to", "users"]).database(&database).run().expect(64);
    rollback(&scripts, &["--run", "1", "--script", "2"]).database(&database).run().expect(64);
}

#[test]
fn what_others_have_built_on_it_stops_a_rollback_before_its_first_change() {
    let Some(database) = TestDatabase::new("rollback_used") else { return };
    database.execute("CREATE TABLE people (id integer PRIMARY KEY)");
    let scripts = Scripts::none()
        .and("010_teams.sql", "CREATE TABLE IF NOT EXISTS teams (id integer PRIMARY KEY);")
        .and("020_people.sql", "ALTER TABLE people ADD COLUMN IF NOT EXISTS phone text;");
    scripts.run(&database).expect(0);
    database.execute("CREATE VIEW mine AS SELECT id FROM teams");
    let before = database.catalog("public");
    let used = rollback(&scripts, &[]).database(&database).run().expect(4);
    assert_says(&used.stderr, &["error[dependent-objects]", "table public.teams cannot be dropped", "view mine"]);
    assert_eq!(database.catalog("public"), before, "the column went, although the table cannot");
    database.execute("DROP VIEW mine");
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(database.value("SELECT to_regclass('teams') IS NULL").as_deref(), Some("true"));
}

#[test]
fn without_a_journal_nobody_knows() {
    let Some(database) = TestDatabase::new("rollback_unknown") else { return };
    let scripts = Scripts::one("CREATE TABLE IF NOT EXISTS t (id integer);");
    scripts.run(&database).expect(0);
    database.execute("DROP SCHEMA hrms_migrate CASCADE");
    let run = rollback(&scripts, &[]).database(&database).run().expect(1);
    assert_says(&run.stderr, &["error[no-journal]", "nobody knows"]);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("again"), "it would come to the same");
    rollback(&scripts, &["--no-journal"]).database(&database).run().expect(1);
    assert_eq!(database.value("SELECT to_regclass('t') IS NOT NULL").as_deref(), Some("true"));
}

#[test]
fn a_rollback_that_was_killed_goes_on() {
    let Some(database) = TestDatabase::new("rollback_killed") else { return };
    database.execute(&large_table("large"));
    let before = database.catalog("public");
    let scripts = Scripts::none()
        .and("010_a.sql", "ALTER TABLE large ADD COLUMN IF NOT EXISTS a integer;")
        .and(
            "020_b.sql",
            "ALTER TABLE large ALTER COLUMN word SET NOT NULL; CREATE INDEX IF NOT EXISTS ix ON large (code);",
        )
        .and("030_c.sql", "CREATE TABLE IF NOT EXISTS small (id integer);");
    scripts.run(&database).expect(0);
    // Somebody reads the table: what was last made is dropped, the rest has to wait.
    let mut reader = crate::tools::in_transaction(&database, "SELECT count(*) FROM large");
    let run = rollback(&scripts, &["--lock-timeout", "10s"]).database(&database).spawn();
    wait_for_query(&database, "SELECT to_regclass('small') IS NULL AS it");
    kill(run);
    diesel::connection::SimpleConnection::batch_execute(&mut reader, "COMMIT").unwrap();
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(database.catalog("public"), before);
    assert_says(&rollback(&scripts, &[]).database(&database).run().expect(0).stderr, &["nothing is to be taken back"]);
}

#[test]
fn a_base_migration_goes_back_by_its_down_where_the_catalog_does_not_tell() {
    let Some(database) = TestDatabase::new("rollback_down") else { return };
    let up = "CREATE TABLE books (id integer PRIMARY KEY);
-- ensure:unless SELECT to_regclass('shelves') IS NOT NULL
DO $$ BEGIN CREATE TABLE shelves (id integer); END $$;
";
    let scripts = Scripts::none()
        .and("base/00000000000001_books/up.sql", up)
        .and("base/00000000000001_books/down.sql", "DO $$ BEGIN DROP TABLE shelves; END $$;\nDROP TABLE books;\n")
        .and("base/00000000000002_authors/up.sql", "CREATE TABLE authors (id integer PRIMARY KEY);")
        // It is not needed, and would be wrong.
        .and("base/00000000000002_authors/down.sql", "DROP TABLE nothing_of_ours;")
        .and("010_more.sql", "ALTER TABLE authors ADD COLUMN name text;");
    database.execute("CREATE TABLE nothing_of_ours (id integer)");
    scripts.run(&database).expect(0);
    database.execute("INSERT INTO books VALUES (1)");
    let refused = scripts.command(&["rollback"]).database(&database).run().expect(4);
    assert_says(&refused.stderr, &["error[would-lose]", "books"]);
    scripts.command(&["rollback", "--allow", "data-loss"]).database(&database).run().expect(0);
    let tables = "SELECT string_agg(relname::text, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = \
                  'public'::regnamespace";
    assert_eq!(database.value(tables).as_deref(), Some("__diesel_schema_migrations nothing_of_ours"));
    assert_eq!(database.value("SELECT count(*) FROM __diesel_schema_migrations").as_deref(), Some("0"));
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
    let check = scripts.command(&["check"]).run().expect(0);
    assert!(!check.stderr.contains("error"), "{}", check.stderr);
    scripts.write("base/00000000000001_books/down.sql", "DROP TABEL books;");
    assert_says(&scripts.command(&["check"]).run().stderr, &["down.sql:1:"]);
}

#[test]
fn only_its_own_migration_goes_back_by_a_down_also_where_all_is_one_transaction() {
    let Some(database) = TestDatabase::new("rollback_down_atomic") else { return };
    let up =
        "CREATE TABLE books (id integer PRIMARY KEY); INSERT INTO books (id) VALUES (1) ON CONFLICT (id) DO NOTHING;";
    let scripts = Scripts::none()
        .and("base/00000000000001_books/up.sql", up)
        .and("base/00000000000001_books/down.sql", "DROP TABLE books;")
        .and("base/00000000000002_authors/up.sql", "CREATE TABLE authors (id integer PRIMARY KEY);")
        .and("010_more.sql", "ALTER TABLE authors ADD COLUMN name text;");
    for flags in [&["run"][..], &["run", "--atomic"]] {
        scripts.command(flags).database(&database).run().expect(0);
        let ways = "SELECT string_agg(concat_ws(':', inverse_kind, inverse), ' ' ORDER BY run_id, number) FROM \
                    hrms_migrate.changes WHERE undone_by IS NULL";
        let ways = database.value(ways).unwrap();
        let words = ["written:DROP TABLE books;", "written: ", "DROP TABLE IF EXISTS public.authors", "DROP COLUMN"];
        assert_says(&ways, &words);
        assert_eq!(ways.matches("written:").count(), 2, "{flags:?}: {ways}");
        scripts.command(&["rollback", "--allow", "data-loss"]).database(&database).run().expect(0);
    }
}
