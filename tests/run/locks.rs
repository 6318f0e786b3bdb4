//! Tables that another session holds.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::{
    support::{TestDatabase, cli},
    tools::{Scripts, assert_clean, assert_says, in_transaction, pid, wait_for_lock_wait},
};

const SCRIPT: &str = "CREATE TABLE before (id integer);
ALTER TABLE held ADD COLUMN word text;
";

fn held_up(mode: &str) {
    let Some(database) = TestDatabase::new(&format!("held_{mode}")) else { return };
    database.execute("CREATE TABLE held (id integer)");
    let before = database.catalog("public");
    let scripts = Scripts::one(SCRIPT);
    let mut blocker = in_transaction(&database, &format!("LOCK TABLE held IN {mode} MODE"));
    let blocker_pid = pid(&mut blocker);
    let run = scripts.on(&database).arg("--lock-timeout=50ms").arg("--lock-retries=2").run().expect(5);
    assert_says(
        &run.stderr,
        &[
            "error[lock-timeout]",
            "public.held",
            "2 attempts",
            &format!("session {blocker_pid}"),
            "\"payroll\"",
            &format!("has held {mode} for"),
            "idle in transaction",
            "010_test.sql:2:",
        ],
    );
    assert!(!run.stderr.contains("LOCK TABLE"), "the blocker's query is not shown:\n{}", run.stderr);
    blocker.batch_execute("ROLLBACK").unwrap();
    assert_eq!(database.catalog("public"), before, "both statements are one transaction: nothing is half done");
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
    assert_clean(&database);
}

#[test]
fn a_table_held_exclusively_ends_the_run_with_5_and_the_blocker_is_named() {
    held_up("ACCESS EXCLUSIVE");
}

#[test]
fn a_table_held_by_a_reader_ends_the_run_with_5_and_the_blocker_is_named() {
    held_up("ACCESS SHARE");
}

#[test]
fn only_those_are_named_whose_lock_is_in_the_way() {
    let Some(database) = TestDatabase::new("in_the_way") else { return };
    database.execute("CREATE TABLE held (id integer)");
    let scripts = Scripts::one("CREATE INDEX held_id ON held (id);");
    let mut reader = in_transaction(&database, "LOCK TABLE held IN ACCESS SHARE MODE");
    let reader_pid = pid(&mut reader);
    let mut writer = in_transaction(&database, "LOCK TABLE held IN ROW EXCLUSIVE MODE");
    let writer_pid = pid(&mut writer);
    let run = scripts.on(&database).arg("--lock-timeout=50ms").arg("--lock-retries=2").run().expect(5);
    assert_says(&run.stderr, &[&format!("session {writer_pid} "), "has held ROW EXCLUSIVE for"]);
    assert!(!run.stderr.contains(&format!("session {reader_pid} ")), "{}", run.stderr);
}

#[test]
fn a_blocker_that_leaves_in_time_lets_the_run_end_with_0() {
    let Some(database) = TestDatabase::new("leaves_in_time") else { return };
    database.execute("CREATE TABLE held (id integer)");
    let scripts = Scripts::one(SCRIPT);
    let mut blocker = in_transaction(&database, "SELECT FROM held");
    let run = scripts.on(&database).arg("--lock-timeout=100ms").arg("--lock-retries=100").spawn();
    wait_for_lock_wait(&database);
    blocker.batch_execute("ROLLBACK").unwrap();
    run.wait().expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn the_budget_for_lock_waits_ends_them() {
    let Some(database) = TestDatabase::new("lock_budget") else { return };
    database.execute("CREATE TABLE held (id integer)");
    let scripts = Scripts::one(SCRIPT);
    let _blocker = in_transaction(&database, "LOCK TABLE held");
    let run = scripts
        .on(&database)
        .arg("--lock-timeout=50ms")
        .arg("--lock-budget=300ms")
        .arg("--lock-retries=1000")
        .run()
        .expect(5);
    assert_says(&run.stderr, &["error[lock-timeout]"]);
}

#[test]
fn a_table_that_somebody_has_held_for_long_is_not_waited_for() {
    let Some(database) = TestDatabase::new("held_for_long") else { return };
    database.execute("CREATE TABLE held (id integer)");
    let scripts = Scripts::one("ALTER TABLE held ADD COLUMN word text;");
    let mut reader = in_transaction(&database, "SELECT FROM held; SELECT pg_sleep(5.1)");
    // An attempt that waited would take twenty seconds.
    let started = Instant::now();
    let run = scripts.on(&database).arg("--lock-timeout=20s").arg("--lock-retries=1").run().expect(5);
    assert_says(&run.stderr, &["error[lock-timeout]", "has held ACCESS SHARE for", "idle in transaction"]);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    reader.batch_execute("COMMIT").unwrap();
    scripts.run(&database).expect(0);
}

#[test]
fn others_wait_no_longer_than_is_allowed() {
    let Some(database) = TestDatabase::new("max_blocked") else { return };
    database.execute("CREATE TABLE held (id integer)");
    let scripts = Scripts::one("ALTER TABLE held ADD COLUMN word text;");
    let _writer = in_transaction(&database, "INSERT INTO held VALUES (1)");
    let run = scripts
        .on(&database)
        .arg("--lock-timeout=300ms")
        .arg("--lock-retries=1000")
        .arg("--max-blocked=500ms")
        .arg("--format=json")
        .run()
        .expect(5);
    assert_says(&run.stderr, &["error[lock-timeout]: others have waited 0.", "--max-blocked", "\"payroll\""]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let blocked = |name: &str| report["blocked"][name].as_u64().unwrap();
    assert!((300..1_000).contains(&blocked("longest_ms")) && blocked("total_ms") >= 500, "{report}");
}

#[test]
fn a_prepared_transaction_in_the_way_is_named() {
    let Some(database) = TestDatabase::new("prepared") else { return };
    if database.value("SELECT current_setting('max_prepared_transactions')").as_deref() == Some("0") {
        return;
    }
    database.execute("CREATE TABLE held (id integer)");
    database.execute("BEGIN; INSERT INTO held VALUES (1); PREPARE TRANSACTION 'payroll of may'");
    let scripts = Scripts::one(SCRIPT);
    let run = scripts.on(&database).arg("--lock-timeout=50ms").arg("--lock-retries=2").run();
    database.execute("ROLLBACK PREPARED 'payroll of may'");
    let run = run.expect(5);
    assert_says(&run.stderr, &["error[lock-timeout]", "prepared transaction 'payroll of may'"]);
    scripts.run(&database).expect(0);
}

#[test]
fn a_run_with_nothing_to_do_is_not_held_up_by_a_locked_table() {
    let Some(database) = TestDatabase::new("locked_holidays") else { return };
    cli(&["run"]).database(&database).run().expect(0);
    let _blocker = in_transaction(&database, "LOCK TABLE holidays IN ACCESS EXCLUSIVE MODE");
    let run = cli(&["run"]).database(&database).run().expect(0);
    assert_says(&run.stdout, &["not verified", "locked"]);
    // With `-q` only what went wrong is said.
    let run = cli(&["run", "-q"]).database(&database).run().expect(0);
    assert_eq!(run.stdout, "");
}

#[test]
fn a_run_with_nothing_to_do_is_not_held_up_by_a_reader_or_a_writer() {
    let Some(database) = TestDatabase::new("read_holidays") else { return };
    cli(&["run"]).database(&database).run().expect(0);
    let _reader = in_transaction(&database, "SELECT FROM holidays; LOCK TABLE holidays IN ROW EXCLUSIVE MODE");
    let run = cli(&["run"]).database(&database).run().expect(0);
    assert!(!run.stdout.contains("unverified"), "{}", run.stdout);
}
