//! A run with nothing to do.

use std::fs;

use crate::{
    proxy::Proxy,
    support::{TestDatabase, cli, execute, say_not_run, start_cluster},
};

/// Most times that a run with nothing to do waits for the server, after the connection is there.
const MOST_ROUND_TRIPS: usize = 8;
/// The same of [`hrms_migrate::Migrator::ready`].
const READY_ROUND_TRIPS: usize = 5;
/// What diesel sends when it connects: the time zone and the encoding.
const OF_DIESEL: usize = 2;

#[test]
fn a_run_with_nothing_to_do_needs_few_round_trips_and_one_connection() {
    let Some(database) = TestDatabase::new("round_trips") else { return };
    cli(&["run"]).database(&database).run().expect(0);
    for command in ["run", "plan", "verify"] {
        let proxy = Proxy::before(&database);
        cli(&[command]).env("DATABASE_URL", proxy.url(database.url())).run().expect(0);
        let round_trips = proxy.round_trips() - OF_DIESEL;
        assert!(round_trips <= MOST_ROUND_TRIPS, "{command}: {round_trips} round trips:\n{:#?}", proxy.statements());
        assert_eq!(proxy.connections(), 1, "{command}");
    }
}

#[test]
fn a_backend_that_may_start_asks_in_few_round_trips_and_one_connection() {
    let Some(database) = TestDatabase::new("ready_round_trips") else { return };
    cli(&["run"]).database(&database).run().expect(0);
    let proxy = Proxy::before(&database);
    hrms_migrate::Migrator::new(&proxy.url(database.url())).unwrap().ready().unwrap();
    let round_trips = proxy.round_trips() - OF_DIESEL;
    assert!(round_trips <= READY_ROUND_TRIPS, "{round_trips} round trips:\n{:#?}", proxy.statements());
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn a_run_with_nothing_to_do_sends_nothing_but_questions() {
    let Some(cluster) =
        start_cluster(|options| options.setting("log_statement", "all").setting("log_min_duration_statement", "-1"))
    else {
        return say_not_run("no server binaries");
    };
    execute(&cluster.url("postgres"), "CREATE DATABASE hrms");
    let url = cluster.url("hrms");
    cli(&["run"]).env("DATABASE_URL", &url).run().expect(0);
    let before = fs::metadata(cluster.log_path()).unwrap().len();
    cli(&["run"]).env("DATABASE_URL", &url).run().expect(0);
    let log = fs::read_to_string(cluster.log_path()).unwrap();
    let log = &log[usize::try_from(before).unwrap()..];
    let mut seen = 0;
    for line in log.lines() {
        let Some((_, statement)) = line.split_once("LOG:  statement: ").or_else(|| line.split_once("LOG:  execute "))
        else {
            assert!(!line.contains("ERROR:"), "{line}");
            continue;
        };
        // `execute <unnamed>: …`
        let statement = statement.split_once(">: ").map_or(statement, |(_, statement)| statement);
        let word = statement.split_whitespace().next().unwrap_or_default().to_uppercase();
        assert!(matches!(word.as_str(), "SELECT" | "BEGIN" | "ROLLBACK;" | "--" | "SET"), "sent {statement}");
        seen += 1;
    }
    assert!(seen > 2, "nothing was logged:\n{log}");
}

#[test]
fn a_run_with_nothing_to_do_takes_no_lock_above_access_share() {
    let Some(database) = TestDatabase::new("share_locks") else { return };
    cli(&["run"]).database(&database).run().expect(0);
    // Whatever conflicts with more than ACCESS SHARE would be held up by these.
    let mut blocker = database.connect();
    let tables =
        database.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace");
    let tables: Vec<_> = tables.into_iter().map(|row| format!("\"{}\"", row[0].clone().unwrap())).collect();
    diesel::connection::SimpleConnection::batch_execute(
        &mut blocker,
        &format!("BEGIN; LOCK TABLE {} IN EXCLUSIVE MODE", tables.join(", ")),
    )
    .unwrap();
    let run = cli(&["run"]).database(&database).run().expect(0);
    assert!(!run.stdout.contains("not verified"), "{}", run.stdout);
    cli(&["verify"]).database(&database).run().expect(0);
}

#[test]
fn a_role_that_only_reads_can_run_where_nothing_is_missing() {
    let Some(database) = TestDatabase::new("reader") else { return };
    cli(&["run"]).database(&database).run().expect(0);
    let role = format!("reader_{:08x}", fastrand::u32(..));
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
         ALTER ROLE {role} SET default_transaction_read_only = on"
    ));
    let url = if database.url().contains("postgres@") {
        database.url().replacen("postgres@", &format!("{role}@"), 1)
    } else {
        return database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    };
    let run = cli(&["run"]).env("DATABASE_URL", &url).run();
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    run.expect(0);
}
