//! Rule 4: a run that finds everything true locks nothing, sends no DDL and waits for nobody.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;

use crate::site::{Site, silent, value};
use crate::support::{cli, connect, execute, rows, say_not_run, start_cluster};

const TABLES: &str =
    "users, leaves, holidays, email_settings, email_templates, email_logs, employee_details, employment_history, tasks";

/// Holds a lock on tables in a transaction that stays idle.
fn hold(site: &Site, sql: &str) -> PgConnection {
    let mut holder = site.database.connect();
    holder.batch_execute(&format!("BEGIN; {sql}")).unwrap();
    holder
}

#[test]
fn nothing_above_access_share_is_locked_when_nothing_is_missing() {
    for file in ["enum_current.sql", "varchar_current.sql"] {
        let Some(site) = Site::on_server("exclusive", &[file]) else { return };
        // EXCLUSIVE lets nobody in but ACCESS SHARE. The first run writes diesel's record, the second nothing.
        let holder = hold(&site, &format!("LOCK TABLE {TABLES} IN EXCLUSIVE MODE"));
        let before = site.fingerprint();
        site.run().expect(0);
        site.run().expect(0);
        site.cli(&["verify"]).expect(0);
        site.cli(&["plan", "--exit-code"]).expect(0);
        assert_eq!(site.fingerprint(), before);
        drop(holder);
    }
}

#[test]
fn sessions_that_only_read_hold_nothing_up() {
    let Some(site) = Site::on_server("readers", &["enum_current.sql"]) else { return };
    let queries: Vec<_> = TABLES.split(", ").map(|table| format!("SELECT count(*) FROM {table};")).collect();
    let queries = queries.concat();
    let _reader = hold(&site, &queries);
    let _serializable = hold(&site, &format!("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; {queries}"));
    site.completes();
}

#[test]
fn a_table_that_somebody_holds_is_unverified_and_not_waited_for() {
    let Some(site) = Site::on_server("held", &["enum_current.sql"]) else { return };
    site.run().expect(0);
    let holder = hold(&site, &format!("LOCK TABLE {TABLES} IN ACCESS EXCLUSIVE MODE"));
    let run = site.run().expect(0);
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(told.contains("holidays") && told.contains("locked"), "{told}");
    drop(holder);
    site.completes();
}

#[test]
fn a_reader_in_the_way_of_a_change_is_named_and_the_next_run_goes_on() {
    let Some(site) = Site::on_server("in_the_way", &["enum_first_release.sql"]) else { return };
    let mut reader = hold(&site, "SET application_name = 'payroll-report'; SELECT 'SECRET-7f3a', count(*) FROM leaves");
    let run = site.cli(&["run", "--lock-timeout=100ms", "--lock-retries=3"]).expect(5);
    assert!(run.stderr.contains("error[lock-timeout]"), "{}", run.stderr);
    assert!(run.stderr.contains("public.leaves") && run.stderr.contains("payroll-report"), "{}", run.stderr);
    reader.batch_execute("COMMIT").unwrap();
    site.completes();
    site.assert_facts("hrms_enum.expected");
}

#[test]
fn a_change_waits_for_a_reader_that_goes_away() {
    let Some(site) = Site::on_server("goes_away", &["enum_first_release.sql"]) else { return };
    let mut reader = hold(&site, "SELECT count(*) FROM leaves");
    let program = cli(&["run", "--lock-timeout=100ms", "--lock-retries=1000"]).database(&site.database).spawn();
    // The run has come to the table when a lock on it is waited for.
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'leaves'::regclass";
    while value(site.database.url(), waits).as_deref() == Some("0") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    reader.batch_execute("COMMIT").unwrap();
    program.wait().expect(0);
    site.assert_facts("hrms_enum.expected");
}

#[test]
fn the_log_of_the_server_shows_a_run_with_nothing_to_do_as_questions_only() {
    let logged = |options: hrms_migrate::engine::ClusterOptions| {
        options
            .setting("log_statement", "all")
            .setting("log_line_prefix", "'%a|'")
            .setting("log_min_error_statement", "panic")
    };
    let Some(cluster) = start_cluster(logged) else { return say_not_run("no server binaries") };
    execute(&cluster.url("postgres"), "CREATE DATABASE hrms TEMPLATE template0");
    let url = cluster.url("hrms");
    execute(&url, &crate::site::fixture("varchar_halfway.sql"));
    silent(cli(&["run"]).env("DATABASE_URL", &url)).expect(0);

    let log = || std::fs::read_to_string(cluster.log_path()).unwrap();
    let changes = |log: &str| {
        let is_sent = |line: &&str| line.contains("LOG:  statement: ") || line.contains("LOG:  execute ");
        let is_change = |line: &&str| {
            let sql = line.split_once(": ").and_then(|(_, rest)| rest.split_once(": ")).map_or("", |(_, sql)| sql);
            !["SELECT", "SET ", "RESET", "SHOW", "BEGIN", "COMMIT", "ROLLBACK", "WITH "]
                .iter()
                .any(|verb| sql.trim_start_matches(|c: char| c == '-' || c.is_whitespace()).starts_with(verb))
                && !sql.starts_with("--")
        };
        log.lines().filter(is_sent).filter(is_change).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = log();
    assert!(changes(&first).iter().any(|line| line.contains("ALTER TABLE")), "the log does not show the changes");
    let (oldest, next) = (
        rows(&url, "SELECT pg_current_xact_id_if_assigned(), txid_snapshot_xmax(txid_current_snapshot())"),
        first.len(),
    );
    silent(cli(&["run"]).env("DATABASE_URL", &url)).expect(0);
    let second = log();
    assert_eq!(changes(&second[next..]), Vec::<String>::new());
    // No transaction of the second run was given a number: it has written nothing at all.
    assert_eq!(
        rows(&url, "SELECT pg_current_xact_id_if_assigned(), txid_snapshot_xmax(txid_current_snapshot())"),
        oldest
    );
    drop(connect(&url));
}
