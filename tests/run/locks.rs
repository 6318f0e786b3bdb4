//! Tables that another session holds.

use std::{
    thread,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection;

use crate::{
    proxy::Proxy,
    support::{TestDatabase, cli, execute, rows, say_not_run, start_cluster},
    tools::{Scripts, assert_clean, assert_says, in_transaction, pid, wait_for, wait_for_lock_wait},
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

#[test]
fn tables_are_locked_together_in_the_order_of_their_making_so_that_nobody_deadlocks() {
    let Some(database) = TestDatabase::new("locked_together") else { return };
    database
        .execute("CREATE TABLE elder (id integer); CREATE TABLE younger (id integer); INSERT INTO younger VALUES (1)");
    // The other way round than everybody else goes.
    let scripts = Scripts::one(
        "ALTER TABLE younger ADD COLUMN word text;\nCREATE INDEX elder_id ON elder (id);\n\
         ALTER TABLE elder ADD COLUMN word text;\n",
    );
    let mut writer = in_transaction(&database, "INSERT INTO elder VALUES (1)");
    let run = scripts.on(&database).arg("--lock-timeout=30s").spawn();
    wait_for_lock_wait(&database);
    let started = Instant::now();
    writer.batch_execute("UPDATE younger SET id = 2").unwrap();
    assert!(started.elapsed() < Duration::from_millis(900), "it waited for {:?}", started.elapsed());
    writer.batch_execute("COMMIT").unwrap();
    let run = run.wait().expect(0);
    assert!(!run.stderr.contains("deadlock"), "{}", run.stderr);
    scripts.assert_nothing_left(&database);
    assert_clean(&database);
}

/// Runs scripts behind a proxy; returns what they lock by statements of their own.
fn locking(database: &TestDatabase, scripts: &Scripts) -> Vec<String> {
    let proxy = Proxy::before(database);
    scripts.command(&["run"]).env("DATABASE_URL", proxy.url(database.url())).run().expect(0);
    let locks = proxy.statements().into_iter().filter_map(|sql| Some(sql[sql.find("LOCK TABLE")?..].to_owned()));
    locks.collect()
}

#[test]
fn the_strongest_lock_is_taken_first_and_only_where_there_are_several() {
    let Some(database) = TestDatabase::new("strongest_first") else { return };
    database.execute("CREATE TABLE a (id integer); CREATE TABLE b (id integer)");
    let one = Scripts::one("ALTER TABLE a ADD COLUMN v text;\nALTER TABLE a ADD COLUMN w text;\n");
    assert_eq!(locking(&database, &one), [""; 0]);
    let raised = Scripts::one("CREATE INDEX a_v ON a (v);\nALTER TABLE a ADD COLUMN x text;\n");
    assert_eq!(locking(&database, &raised), ["LOCK TABLE ONLY public.a IN ACCESS EXCLUSIVE MODE"]);
    let two =
        Scripts::one("ALTER TABLE b ADD COLUMN v text;\nCREATE INDEX a_w ON a (w);\nCREATE TABLE c (id integer);\n");
    let both = "LOCK TABLE ONLY public.a IN SHARE MODE; LOCK TABLE ONLY public.b IN ACCESS EXCLUSIVE MODE";
    assert_eq!(locking(&database, &two), [both]);
    let alike = Scripts::one("ALTER TABLE b ADD COLUMN w text;\nALTER TABLE a ADD COLUMN y text;\n");
    assert_eq!(locking(&database, &alike), ["LOCK TABLE ONLY public.a, ONLY public.b IN ACCESS EXCLUSIVE MODE"]);
    // What may take long is not waited for under locks on other tables.
    let rewrites = Scripts::one("ALTER TABLE b ALTER COLUMN id TYPE bigint;\nALTER TABLE a ADD COLUMN z text;\n");
    assert_eq!(locking(&database, &rewrites), [""; 0]);
}

#[test]
fn a_first_run_of_the_hrms_scripts_locks_nothing_by_itself() {
    let Some(database) = TestDatabase::new("first_run_locks") else { return };
    let proxy = Proxy::before(&database);
    cli(&["run"]).env("DATABASE_URL", proxy.url(database.url())).run().expect(0);
    assert!(proxy.statements().iter().all(|sql| !sql.contains("LOCK TABLE")));
}

#[test]
fn whoever_holds_the_second_of_several_tables_is_named() {
    let Some(database) = TestDatabase::new("second_held") else { return };
    database.execute("CREATE TABLE free (id integer); CREATE TABLE held (id integer)");
    let before = database.catalog("public");
    let scripts = Scripts::one("ALTER TABLE free ADD COLUMN word text;\nALTER TABLE held ADD COLUMN word text;\n");
    let mut blocker = in_transaction(&database, "LOCK TABLE held IN ROW EXCLUSIVE MODE");
    let blocker_pid = pid(&mut blocker);
    let run = scripts.on(&database).arg("--lock-timeout=50ms").arg("--lock-retries=2").run().expect(5);
    assert_says(&run.stderr, &["error[lock-timeout]", &format!("session {blocker_pid}"), "ROW EXCLUSIVE"]);
    assert_eq!(database.catalog("public"), before);
    // Nor is a transaction left in which the next attempt would fail.
    let next = scripts.on(&database).arg("--lock-timeout=1500ms").spawn();
    wait_for_lock_wait(&database);
    std::thread::sleep(Duration::from_secs(2));
    blocker.batch_execute("ROLLBACK").unwrap();
    next.wait().expect(0);
    scripts.assert_nothing_left(&database);
    assert_clean(&database);
}

#[test]
fn a_vacuum_against_wraparound_is_not_waited_for() {
    let settings = |options: hrms_migrate::engine::cluster::ClusterOptions| {
        options
            .setting("autovacuum", "on")
            .setting("autovacuum_naptime", "1s")
            .setting("autovacuum_freeze_max_age", "100000")
    };
    let Some(cluster) = start_cluster(settings) else {
        return say_not_run("no server binaries");
    };
    let url = cluster.url("postgres");
    // One page in a tenth of a second, so that it works on this one table for long.
    execute(
        &url,
        "CREATE TABLE held (id integer, word text) WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
           -- No other reason to come.
           autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 1000000);
         INSERT INTO held SELECT n, repeat('w', 1000) FROM generate_series(1, 6000) AS n;
         CREATE PROCEDURE many() LANGUAGE plpgsql AS $$ BEGIN
            FOR n IN 1..110000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$",
    );
    execute(&url, "CALL many()");
    let working = "SELECT count(*) FILTER (WHERE query ~ 'held .to prevent wraparound' AND xact_start < now() - interval '5 s') > 0 AS it
                     FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'";
    wait_for("the vacuum", || rows(&url, working)[0][0].as_deref() == Some("true"));
    let scripts = Scripts::one("ALTER TABLE held ADD COLUMN more text;");
    let started = Instant::now();
    let run =
        scripts.command(&["run", "--lock-timeout=60s", "--lock-retries=1"]).env("DATABASE_URL", &url).run().expect(5);
    assert!(started.elapsed() < Duration::from_secs(30), "it was waited for");
    assert_says(&run.stderr, &["error[lock-timeout]", "\"autovacuum worker\"", "SHARE UPDATE EXCLUSIVE"]);
}

#[test]
fn a_validation_that_takes_long_is_told_of() {
    let Some(database) = TestDatabase::new("long_validation") else { return };
    // It takes its time where the run writes, not where it asks beforehand.
    database.execute(
        "CREATE FUNCTION slow(n integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
           IF current_setting('transaction_read_only') = 'off' THEN PERFORM pg_sleep(11.5); END IF; RETURN n > 0; END $$;
         CREATE TABLE t (n integer); INSERT INTO t VALUES (1);",
    );
    let scripts = Scripts::one("-- ensure:online always\nALTER TABLE t ADD CONSTRAINT c CHECK (slow(n));\n");
    let run = scripts.run(&database).expect(0);
    assert_says(&run.stderr, &["reading rows, 10"]);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_run_looks_again_while_somebody_holds_what_the_catalog_tells_only_then() {
    let Some(database) = TestDatabase::new("locked_look") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE IF NOT EXISTS t (id integer, a text, CHECK (id > 0));
         CREATE INDEX IF NOT EXISTS t_a ON t (lower(a));
         CREATE OR REPLACE VIEW v AS SELECT id FROM t;",
    );
    scripts.run(&database).expect(0);
    for lock in ["ALTER TABLE t ADD COLUMN b integer", "LOCK TABLE v IN ACCESS EXCLUSIVE MODE"] {
        let mut other = in_transaction(&database, lock);
        let run = scripts.on(&database).spawn();
        thread::sleep(Duration::from_millis(600));
        other.batch_execute("ROLLBACK").unwrap();
        let run = run.wait().expect(0);
        assert_says(&run.stdout, &["0 changed", "all as declared"]);
    }
    let _other = in_transaction(&database, "LOCK TABLE v IN ACCESS EXCLUSIVE MODE");
    let given_up = scripts.on(&database).arg("--lock-budget=300ms").run().expect(5);
    assert_says(&given_up.stderr, &["error[lock-timeout]", "the catalog could not be read"]);
}
