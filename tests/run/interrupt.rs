//! SIGINT and SIGTERM.

use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::{
    support::TestDatabase,
    tools::{
        Scripts, assert_clean, assert_says, in_transaction, large_table, wait_for_lock_wait, wait_for_query,
        wait_for_statement,
    },
};

/// Sleeps for as long as the table `slow` has a row.
const SLEEPING: &str = "CREATE TABLE one (id integer);
-- ensure:unless SELECT to_regclass('two') IS NOT NULL
DO $$ BEGIN
    CREATE TABLE two (id integer);
    PERFORM pg_sleep(600) FROM slow;
END $$;
CREATE TABLE three (id integer);
";

fn interrupted_during_a_statement(signal: &str, code: i32) {
    let Some(database) = TestDatabase::new(&format!("interrupted_{signal}")) else { return };
    database.execute("CREATE TABLE slow (id integer); INSERT INTO slow VALUES (1)");
    let scripts = Scripts::one(SLEEPING);
    let run = scripts.on(&database).spawn();
    wait_for_statement(&database, "DO $$%");
    run.signal(signal);
    let run = run.wait().expect(code);
    assert_says(&run.stdout, &["interrupted", &format!("SIG{signal}")]);
    assert_eq!(database.value("SELECT to_regclass('two')"), None, "the statement was undone");
    assert_clean(&database);
    wait_for_query(
        &database,
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
         AND query LIKE '%; DO $$%' AND pid <> pg_backend_pid()) AS it",
    );
    database.execute("DELETE FROM slow");
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT to_regclass('three')").as_deref(), Some("three"));
    scripts.assert_nothing_left(&database);
}

#[test]
fn an_interrupted_statement_is_cancelled_and_the_run_ends_with_130() {
    interrupted_during_a_statement("INT", 130);
}

#[test]
fn a_terminated_statement_is_cancelled_and_the_run_ends_with_143() {
    interrupted_during_a_statement("TERM", 143);
}

#[test]
fn an_interrupted_concurrent_build_leaves_no_invalid_index() {
    let Some(database) = TestDatabase::new("interrupted_build") else { return };
    database.execute(&large_table("large"));
    let scripts = Scripts::one("CREATE INDEX large_word ON large (word);");
    // A transaction that has written: the build waits for its end.
    let mut writer = in_transaction(&database, "INSERT INTO large VALUES (0, 0, '')");
    let run = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    run.signal("INT");
    // Dropping what the build left has to wait for the writer as well, for a while at most.
    let run = run.wait().expect(130);
    writer.batch_execute("ROLLBACK").unwrap();
    let invalid = database.rows("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid");
    if !invalid.is_empty() {
        assert_says(&run.stderr, &["large_word is left", "the next run drops it"]);
    }
    scripts.run(&database).expect(0);
    assert_clean(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_run_interrupted_between_two_scripts_ends_with_130_and_the_next_finishes() {
    let Some(database) = TestDatabase::new("interrupted_wait") else { return };
    database.execute("CREATE TABLE held (id integer)");
    let scripts = Scripts::none()
        .and("010_first.sql", "CREATE TABLE one (id integer);")
        .and("020_second.sql", "ALTER TABLE held ADD COLUMN word text;");
    let mut blocker = in_transaction(&database, "LOCK TABLE held IN ACCESS SHARE MODE");
    let run = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    run.signal("INT");
    run.wait().expect(130);
    assert_eq!(database.value("SELECT to_regclass('one')").as_deref(), Some("one"));
    blocker.batch_execute("ROLLBACK").unwrap();
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_long_question_is_cancelled_too() {
    let Some(database) = TestDatabase::new("interrupted_question") else { return };
    database.execute("CREATE TABLE t (id integer)");
    let scripts = Scripts::one(
        "ALTER TABLE t ADD COLUMN word text;
-- ensure:verify nobody sleeps
SELECT 1 FROM pg_sleep(600) AS slept WHERE slept IS NULL;
",
    );
    for command in ["run", "verify"] {
        let run = scripts.command(&[command]).database(&database).time_out(Duration::from_mins(1)).spawn();
        wait_for_statement(&database, "%pg_sleep(600)%");
        run.signal("INT");
        run.wait().expect(130);
    }
    assert_clean(&database);
}

#[test]
fn a_run_that_waits_for_another_can_be_interrupted() {
    let Some(database) = TestDatabase::new("interrupted_waiting") else { return };
    database.execute("CREATE TABLE slow (id integer); INSERT INTO slow VALUES (1)");
    let scripts = Scripts::one(SLEEPING);
    let holder = scripts.on(&database).spawn();
    wait_for_statement(&database, "DO $$%");
    let second = scripts.on(&database).spawn();
    wait_for_query(
        &database,
        "SELECT count(*) >= 4 AS it FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    second.signal("INT");
    second.wait().expect(130);
    holder.signal("TERM");
    holder.wait().expect(143);
    assert_clean(&database);
}
