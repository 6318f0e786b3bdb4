//! What the tests of runs share: script directories, waiting, sessions that are in the way.

use std::{
    env,
    fmt::Write as _,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use diesel::{PgConnection, connection::SimpleConnection};
use hrms_migrate::engine::cluster::{self, StopMode};

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
             AND pid <> pg_backend_pid() AND query LIKE '%{pattern}') AS it"
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

/// Asserts that all words stand in a text, wherever its lines are broken: that depends on how long names of files are.
#[track_caller]
pub fn assert_says(text: &str, words: &[&str]) {
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = in_one_line(text);
    for word in words {
        let broken = !word.trim().is_empty() && line.contains(&in_one_line(word));
        assert!(text.contains(word) || broken, "{word:?} is not in:\n{text}");
    }
}

/// A standby of a cluster, stopped and removed when dropped.
pub struct Standby {
    /// Where it is reached.
    pub url: String,
    script: Box<dyn Fn(&str) -> bool>,
    directory: PathBuf,
}

impl Standby {
    /// Copies the primary's files while it is stopped: `pg_basebackup` does not come with every set of server binaries.
    pub fn of(primary: &mut cluster::Cluster) -> Option<Self> {
        let explicit = env::var_os("HRMS_TEST_PG_BINDIR").map(PathBuf::from);
        let binaries = cluster::find_binaries(explicit.as_deref())?;
        // A path short enough for a socket, and readable by the server's user, who owns the primary's directory.
        let parent = primary.socket_directory().parent()?.to_owned();
        let directory = parent.join("standby");
        let owner = Command::new("stat").args(["-c", "%U"]).arg(primary.socket_directory()).output().ok()?;
        let owner = String::from_utf8(owner.stdout).ok()?.trim().to_owned();
        let is_root = Command::new("id").arg("-u").output().ok()?.stdout == b"0\n";
        let script = Box::new(move |script: &str| {
            let mut command = if is_root { Command::new("su") } else { Command::new("sh") };
            if is_root {
                command.args([&owner, "-s", "/bin/sh"]);
            }
            command.args(["-c", script]).current_dir("/");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        });
        let (data, bin) = (directory.display().to_string(), binaries.display().to_string());
        let socket = primary.socket_directory().display().to_string();
        let port = TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok()?.port();
        let standby = Self {
            url: primary.url("postgres").replace(&format!("port={}", primary.port()), &format!("port={port}")),
            script,
            directory,
        };
        primary.stop(StopMode::Fast).ok()?;
        let copied = (standby.script)(&format!("cp -R '{}/data' '{data}' && chmod 700 '{data}'", parent.display()));
        primary.restart(StopMode::Fast).ok()?;
        let started = (standby.script)(&format!(
            "touch '{data}/standby.signal' && \
             printf '%s\\n' 'port = {port}' \"primary_conninfo = 'host={socket} port={} user=postgres'\" >> '{data}/postgresql.conf' && \
             '{bin}/pg_ctl' -D '{data}' -l '{data}/log' -w start",
            primary.port()
        ));
        (copied && started).then_some(standby)
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.directory.join("postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            (self.script)(&format!(
                "kill -s INT {pid}; for i in 1 2 3 4 5 6 7 8 9; do kill -s 0 {pid} || exit 0; sleep 0.5; done"
            ));
        }
    }
}
