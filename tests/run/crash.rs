//! The crash fixture: 12 scripts with a statement of each kind, on a database that is lived in. `benches/chaos/chaos.py` disturbs
//! it in every way and at length; here is the thin part.

use std::{fs, path::PathBuf};

use crate::{
    kill::killed_everywhere,
    support::{CliBuilder, TestDatabase, cli},
};

fn fixture(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/crash")).join(path)
}

/// Prepares a command on the fixture's scripts.
fn command(arguments: &[&str]) -> CliBuilder {
    cli(arguments).arg("--dir").arg(fixture("ensure"))
}

/// Makes the database that was there before the first run.
fn live_in(database: &TestDatabase) {
    database.execute(&format!("SET crash.rows = 300;\n{}", fs::read_to_string(fixture("before.sql")).unwrap()));
}

#[test]
fn the_crash_fixture_killed_at_a_statement_is_finished_by_the_next_run() {
    killed_everywhere("killed_crash", &live_in, &|| command(&["run"]), 83);
}
