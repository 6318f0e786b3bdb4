//! Several runs at once.

use diesel::connection::SimpleConnection as _;

use crate::{
    kill::assert_done_once,
    support::{TestDatabase, cli},
    tools::{
        Scripts, assert_clean, assert_says, in_transaction, kill, wait_for_lock_wait, wait_for_query,
        wait_for_statement,
    },
};

/// Returns the catalog that one undisturbed run makes of an empty database, and how long its report says it is.
fn undisturbed() -> Option<String> {
    let database = TestDatabase::new("undisturbed")?;
    cli(&["run"]).database(&database).run().expect(0);
    Some(database.catalog("public"))
}

fn runners_at_once(count: usize) {
    let Some(expected) = undisturbed() else { return };
    let Some(database) = TestDatabase::new(&format!("runners_{count}")) else { return };
    let runs: Vec<_> = (0..count).map(|_| cli(&["run"]).database(&database).spawn()).collect();
    let changed = runs
        .into_iter()
        .filter(|_| true)
        .map(|run| run.wait().expect(0))
        .filter(|run| run.stdout.contains("changed  "));
    assert_eq!(changed.count(), 1, "one run does the work, the others find it done");
    assert_eq!(database.catalog("public"), expected);
    assert_clean(&database);
    assert_done_once(&database, "many runners");
    assert_eq!(database.value("SELECT string_agg(outcome, ' ') FROM hrms_migrate.runs").as_deref(), Some("done"));
}

#[test]
fn two_runners_on_an_empty_database_make_each_object_once() {
    runners_at_once(2);
}

#[test]
fn ten_runners_on_an_empty_database_make_each_object_once() {
    runners_at_once(10);
}

#[test]
fn twenty_runners_on_an_empty_database_make_each_object_once() {
    runners_at_once(20);
}

/// A script whose first run hangs in a transaction that another session's row decides about.
const HANGING: &str = "CREATE TABLE done (id integer);
-- ensure:unless SELECT EXISTS (SELECT 1 FROM done)
DO $$ BEGIN
    PERFORM pg_sleep(600) FROM slow;
    INSERT INTO done VALUES (1);
END $$;
CREATE TABLE afterwards (id integer);
";

#[test]
fn a_killed_lock_holder_does_not_stop_the_others() {
    let Some(database) = TestDatabase::new("killed_holder") else { return };
    database.execute("CREATE TABLE slow (id integer); INSERT INTO slow VALUES (1)");
    let scripts = Scripts::one(HANGING);
    let holder = scripts.on(&database).spawn();
    wait_for_statement(&database, "DO $$%");
    let waiting: Vec<_> = (0..3).map(|_| scripts.on(&database).spawn()).collect();
    wait_for_query(
        &database,
        "SELECT count(DISTINCT pid) >= 5 AS it FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name LIKE '%hrms%'",
    );
    database.execute("DELETE FROM slow");
    kill(holder);
    // The server goes on with the last statement of the killed run; the others wait for it, so it is ended here.
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%; DO $$%' AND datname = current_database() AND pid <> pg_backend_pid()");
    let changed =
        waiting.into_iter().map(|run| run.wait().expect(0)).filter(|run| run.stdout.contains("changed  ")).count();
    assert_eq!(changed, 1);
    assert_eq!(database.value("SELECT count(*) FROM done").as_deref(), Some("1"));
    scripts.assert_nothing_left(&database);
    assert_clean(&database);
}

#[test]
fn the_work_of_a_killed_run_is_waited_for_while_the_server_goes_on_with_it() {
    let Some(database) = TestDatabase::new("orphaned_statement") else { return };
    // Only the first to come sleeps, and it says so in a table of its own.
    database.execute("CREATE TABLE slow (id integer); INSERT INTO slow VALUES (1); CREATE SEQUENCE turns");
    let scripts = Scripts::one(
        "CREATE TABLE done (id integer);
-- ensure:unless SELECT EXISTS (SELECT 1 FROM done)
DO $$ BEGIN
    PERFORM nextval('turns');
    PERFORM pg_sleep(3);
    INSERT INTO done VALUES (1);
END $$;
",
    );
    let killed = scripts.on(&database).spawn();
    wait_for_statement(&database, "DO $$%");
    kill(killed);
    let next = scripts.on(&database).run().expect(0);
    assert_eq!(database.value("SELECT count(*) FROM done").as_deref(), Some("1"), "{}", next.stdout);
    assert_clean(&database);
}

#[test]
fn a_runner_that_waits_too_long_ends_with_5_and_names_the_holder() {
    let Some(database) = TestDatabase::new("runner_lock") else { return };
    database.execute("CREATE TABLE slow (id integer); INSERT INTO slow VALUES (1)");
    let scripts = Scripts::one(HANGING);
    let holder = scripts.on(&database).spawn();
    wait_for_statement(&database, "DO $$%");
    let second = scripts.on(&database).arg("--runner-lock-timeout=300ms").run().expect(5);
    assert_says(&second.stderr, &["error[runner-lock]", "session "]);
    holder.signal("TERM");
    holder.wait().expect(143);
}

#[test]
fn what_somebody_else_makes_meanwhile_is_seen_and_left_alone() {
    let Some(database) = TestDatabase::new("overtaken") else { return };
    database.execute("CREATE TABLE people (id integer PRIMARY KEY)");
    let scripts = Scripts::one(
        "ALTER TABLE people ADD COLUMN IF NOT EXISTS phone text;
         ALTER TABLE people ADD COLUMN IF NOT EXISTS fax text;",
    );
    let mut other = in_transaction(&database, "ALTER TABLE people ADD COLUMN phone text");
    let run = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    other.batch_execute("COMMIT").unwrap();
    run.wait().expect(0);
    scripts.assert_nothing_left(&database);
    // Where the statement itself is wrong, the same failure comes again, and is told.
    let wrong = Scripts::one("CREATE INDEX people_x ON people (nowhere(id));");
    assert_says(&wrong.run(&database).expect(1).stderr, &["error[statement-failed]", "nowhere"]);
}
