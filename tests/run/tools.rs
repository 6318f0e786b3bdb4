//! What the tests of runs share: script directories, waiting, sessions that are in the way.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use diesel::{PgConnection, connection::SimpleConnection};

use crate::support::{CliBuilder, Run, RunningCli, TestDatabase, cli, rows_on};

/// How long anything may take that has to happen.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A directory of ensure scripts, removed at the end.
#[derive(Debug)]
pub struct Scripts(tempfile::TempDir);

impl Scripts {
    /// Makes a directory with one script, `010_test.sql`.
    pub fn one(sql: impl AsRef<[u8]>) -> Self {
        Self::none().and("010_test.sql", sql)
    }

    /// Makes an empty directory.
    pub fn none() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Adds a file.
    pub fn and(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Returns the directory.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Prepares a command on these scripts.
    pub fn command(&self, arguments: &[&str]) -> CliBuilder {
        cli(arguments).arg("--dir").arg(self.path().as_os_str())
    }

    /// Prepares a run on a database.
    pub fn on(&self, database: &TestDatabase) -> CliBuilder {
        self.command(&["run"]).database(database)
    }

    /// Runs them on a database.
    #[track_caller]
    pub fn run(&self, database: &TestDatabase) -> Run {
        self.on(database).run()
    }

    /// Runs them once more, which must change nothing.
    #[track_caller]
    pub fn assert_nothing_left(&self, database: &TestDatabase) {
        let before = database.catalog("public");
        let run = self.on(database).run().expect(0);
        assert!(!run.stdout.contains("changed  "), "the second run changed something:\n{}", run.stdout);
        assert_eq!(before, database.catalog("public"));
        self.command(&["plan", "--exit-code"]).database(database).run().expect(0);
    }
}

/// Waits until something holds.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a query returns true.
#[track_caller]
pub fn wait_for_query(database: &TestDatabase, query: &str) {
    let mut connection = database.connect();
    wait_for(query, || rows_on(&mut connection, query)[0][0].as_deref() == Some("true"));
}

/// Waits until a statement whose text is like `pattern` runs in the database.
#[track_caller]
pub fn wait_for_statement(database: &TestDatabase, pattern: &str) {
    wait_for_query(
        database,
        &format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
             AND pid <> pg_backend_pid() AND query LIKE '{pattern}') AS it"
        ),
    );
}

/// Waits until a session waits for a lock.
#[track_caller]
pub fn wait_for_lock_wait(database: &TestDatabase) {
    wait_for_query(
        database,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock') AS it",
    );
}

/// Asserts that no run has left a lock or an invalid index behind.
#[track_caller]
pub fn assert_clean(database: &TestDatabase) {
    wait_for_query(
        database,
        "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS it",
    );
    let invalid = database.rows("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid");
    assert!(invalid.is_empty(), "invalid indexes: {invalid:?}");
}

/// Opens a transaction that stays open and carries out `sql` in it, under the application's name `payroll`.
pub fn in_transaction(database: &TestDatabase, sql: &str) -> PgConnection {
    let mut connection = database.connect();
    connection.batch_execute(&format!("SET application_name = 'payroll'; BEGIN; {sql}")).unwrap();
    connection
}

/// Returns the process number of a session.
pub fn pid(connection: &mut PgConnection) -> String {
    rows_on(connection, "SELECT pg_backend_pid()")[0][0].clone().unwrap()
}

/// Returns a table large enough for the online forms.
pub fn large_table(name: &str) -> String {
    let mut sql = format!("CREATE TABLE {name} (id integer PRIMARY KEY, code integer NOT NULL, word text);");
    write!(sql, "INSERT INTO {name} SELECT n, n, 'word ' || n FROM generate_series(1, 60000) AS n; ANALYZE {name};")
        .unwrap();
    sql
}

/// Kills a run with SIGKILL and waits for its end.
#[track_caller]
pub fn kill(run: RunningCli) {
    run.signal("KILL");
    assert_eq!(run.wait().status, 137);
}

/// Asserts that all words stand in a text.
#[track_caller]
pub fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}
