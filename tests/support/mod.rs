//! What the integration tests share: a server, a database for each test, the program itself, and a dump of a catalog.
//!
//! Where the server comes from: `TEST_DATABASE_URL` names one; otherwise a private cluster is made from the binaries in
//! `HRMS_TEST_PG_BINDIR`, or from those found on the machine; it serves all tests of a process and ends with it. Where
//! there is none, what one connection can test runs on the embedded engine, if that is built in; a test that needs more says
//! "not run" on the terminal and passes, unless `HRMS_TEST_REQUIRE_SERVER` is set, which makes it fail. Every test file uses
//! this module with `mod support;`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking; it reads its environment, and waits"
)]
#![allow(dead_code, reason = "every test file is a program of its own and uses a part of this module")]

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text};
use hrms_migrate::engine::cluster::{Cluster, ClusterOptions, find_binaries};

/// How long a run of the program may take before it counts as hanging.
const CLI_TIME_OUT: Duration = Duration::from_mins(2);

/// How many tests of this process were not run for want of a server.
static NOT_RUN: AtomicUsize = AtomicUsize::new(0);

/// The server that all tests of this process use.
#[derive(Debug)]
pub enum Server {
    /// The one that `TEST_DATABASE_URL` names.
    Given(String),
    /// Our own.
    Private(Cluster),
}

impl Server {
    /// Returns the URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        match self {
            Self::Given(url) => with_database(url, database),
            Self::Private(cluster) => cluster.url(database),
        }
    }

    /// Returns a URL for work that concerns no particular database.
    pub fn admin_url(&self) -> String {
        match self {
            Self::Given(url) => url.clone(),
            Self::Private(cluster) => cluster.url("postgres"),
        }
    }

    /// Returns the major version, for what differs between servers.
    pub fn major_version(&self) -> u32 {
        let number = rows(&self.admin_url(), "SELECT current_setting('server_version_num')::int / 10000");
        number[0][0].as_deref().unwrap().parse().unwrap()
    }
}

/// Returns the shared server; `None`, said loudly, where there is none.
///
/// # Panics
/// If `HRMS_TEST_REQUIRE_SERVER` is set and there is none, and if there are binaries but no server starts from them.
pub fn require_server() -> Option<&'static Server> {
    let server = server();
    if server.is_none() {
        say_not_run("no PostgreSQL server binaries found; set TEST_DATABASE_URL or HRMS_TEST_PG_BINDIR");
    }
    server
}

/// Returns the shared server, if there is one.
///
/// # Panics
/// If there are binaries but no server starts from them.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        if let Some(url) = setting("TEST_DATABASE_URL") {
            return Some(Server::Given(url));
        }
        Some(Server::Private(start_cluster(|options| options)?))
    });
    server.as_ref()
}

/// Starts a cluster of the test's own, for what a shared one cannot show (settings, restarts, connection errors).
///
/// `None` where there are no binaries; the caller says so with [`say_not_run`].
pub fn start_cluster(options: impl FnOnce(ClusterOptions) -> ClusterOptions) -> Option<Cluster> {
    let explicit = setting("HRMS_TEST_PG_BINDIR").map(PathBuf::from);
    let binaries = find_binaries(explicit.as_deref())?;
    let cluster = Cluster::start(options(ClusterOptions::new(binaries)));
    Some(cluster.unwrap_or_else(|error| panic!("{error}: {}", error.why().unwrap_or_default())))
}

/// Tells the terminal, past the capturing of output, that the current test was not run.
///
/// # Panics
/// If `HRMS_TEST_REQUIRE_SERVER` is set.
pub fn say_not_run(reason: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    assert!(setting("HRMS_TEST_REQUIRE_SERVER").is_none(), "{test} needs a server: {reason}");
    say_left_out(reason);
}

/// Tells the same of what no machine has to have.
pub fn say_left_out(reason: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let count = NOT_RUN.fetch_add(1, Ordering::SeqCst) + 1;
    let _ = writeln!(std::io::stderr(), "not run: {test}: {reason} ({count} so far in this program)");
}

/// Reads a setting of the test suite; an empty one counts as none.
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Puts another database into a URL or a keyword string of libpq.
fn with_database(url: &str, database: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return format!("{url} dbname='{database}'") };
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let authority = place.split_once('/').map_or(place, |(authority, _)| authority);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{authority}/{database}{query}")
}

/// A database for one test: dropped when the test succeeds, kept and named when it fails.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    place: Place,
}

/// Where a test's database is.
#[derive(Debug)]
enum Place {
    /// On the shared server.
    Server { url: String, server: &'static Server },
    /// In a directory of its own, for the embedded engine.
    #[cfg(feature = "embedded")]
    Embedded(std::sync::Arc<embedded::Directory>),
}

impl TestDatabase {
    /// Creates an empty database whose name tells the test; `None`, said loudly, where there is no server.
    pub fn new(test: &str) -> Option<Self> {
        let server = require_server()?;
        let slug: String = test
            .chars()
            .map(|char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '_' })
            .collect();
        let name = format!("t_{slug:.44}_{:08x}", fastrand::u32(..));
        execute(&server.admin_url(), &format!("CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"));
        Some(Self { place: Place::Server { url: server.url(&name), server }, name })
    }

    /// Does the same for a test that needs no second connection: where there is no server, the embedded engine serves, if
    /// it is built in. Such a test lets the program and itself take turns, and asks for no [`url`](Self::url).
    pub fn anywhere(test: &str) -> Option<Self> {
        #[cfg(feature = "embedded")]
        if server().is_none() {
            return Some(Self { name: test.to_owned(), place: Place::Embedded(embedded::Directory::new()) });
        }
        Self::new(test)
    }

    /// Returns the connection URL.
    ///
    /// # Panics
    /// If the embedded engine serves: its test does not come by [`anywhere`](Self::anywhere), then.
    #[track_caller]
    pub fn url(&self) -> &str {
        match &self.place {
            Place::Server { url, .. } => url,
            #[cfg(feature = "embedded")]
            Place::Embedded(_) => panic!("{} needs a server: TestDatabase::new", self.name),
        }
    }

    /// Returns the name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the server it is on.
    ///
    /// # Panics
    /// As [`url`](Self::url).
    #[track_caller]
    pub fn server(&self) -> &'static Server {
        match &self.place {
            Place::Server { server, .. } => server,
            #[cfg(feature = "embedded")]
            Place::Embedded(_) => panic!("{} needs a server: TestDatabase::new", self.name),
        }
    }

    /// Opens a connection.
    ///
    /// # Panics
    /// As [`url`](Self::url).
    #[track_caller]
    pub fn connect(&self) -> PgConnection {
        connect(self.url())
    }

    /// Does something with a URL that is good until it is done.
    pub fn at<T>(&self, work: impl FnOnce(&str) -> T) -> T {
        match &self.place {
            Place::Server { url, .. } => work(url),
            #[cfg(feature = "embedded")]
            Place::Embedded(directory) => directory.at(work),
        }
    }

    /// Carries out one or more statements.
    pub fn execute(&self, sql: &str) {
        self.at(|url| execute(url, sql));
    }

    /// Returns the rows of a query (or of `… RETURNING`), each value as JSON would write it.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.at(|url| rows(url, sql))
    }

    /// Returns the first value of the first row.
    pub fn value(&self, sql: &str) -> Option<String> {
        self.rows(sql).into_iter().next().and_then(|row| row.into_iter().next()).flatten()
    }

    /// Returns the dump of a schema's catalog.
    pub fn catalog(&self, schema: &str) -> String {
        self.at(|url| catalog_digest(url, schema))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match &self.place {
            Place::Server { server, .. } if thread::panicking() => {
                let until = match server {
                    Server::Given(_) => "drop it when you have seen enough",
                    Server::Private(_) => "gone with this process; set TEST_DATABASE_URL to a server that stays",
                };
                let _ = writeln!(std::io::stderr(), "database kept: {} ({until})", self.name);
            }
            Place::Server { server, .. } => {
                execute(&server.admin_url(), &format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name));
            }
            #[cfg(feature = "embedded")]
            Place::Embedded(directory) if thread::panicking() => {
                let _ = writeln!(std::io::stderr(), "database kept: {}", directory.keep().display());
            }
            #[cfg(feature = "embedded")]
            Place::Embedded(_) => {}
        }
    }
}

/// Databases of the embedded engine, which this process and the program open in turn.
#[cfg(feature = "embedded")]
mod embedded {
    use std::{
        fs, io,
        path::{Path, PathBuf},
        sync::{Arc, Mutex, OnceLock},
        time::Duration,
    };

    use hrms_migrate::engine::Embedded;

    /// How long a turn of the program may take.
    const PATIENCE: Duration = Duration::from_mins(2);

    /// A data directory, and the engine while it is this process's turn.
    #[derive(Debug)]
    pub struct Directory {
        path: tempfile::TempDir,
        engine: Mutex<Option<Embedded>>,
    }

    impl Directory {
        /// Makes an empty database. A copy takes a tenth of the time that the engine needs for a new one.
        pub fn new() -> Arc<Self> {
            static EMPTY: OnceLock<tempfile::TempDir> = OnceLock::new();
            let empty = EMPTY.get_or_init(|| {
                let directory = tempfile::tempdir().unwrap();
                Embedded::start(directory.path(), PATIENCE).unwrap().stop().unwrap();
                directory
            });
            let path = tempfile::tempdir().unwrap();
            copy(&empty.path().join("pgdata"), &path.path().join("pgdata")).unwrap();
            Arc::new(Self { path, engine: Mutex::new(None) })
        }

        /// Does something with the engine's URL.
        pub fn at<T>(&self, work: impl FnOnce(&str) -> T) -> T {
            let mut engine = self.engine.lock().unwrap();
            let engine = engine.get_or_insert_with(|| Embedded::start(self.path.path(), PATIENCE).unwrap());
            work(engine.url())
        }

        /// Gives the turn to the program, which looks for its data in `directory`.
        pub fn hand_over(&self, directory: &Path) {
            if let Some(engine) = self.engine.lock().unwrap().take() {
                engine.stop().unwrap();
            }
            let link = directory.join(".hrms-migrate");
            match fs::remove_file(&link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{}: {error}", link.display()),
                _ => std::os::unix::fs::symlink(self.path.path(), link).unwrap(),
            }
        }

        /// Leaves the data where they are after a failure, and says where.
        pub fn keep(&self) -> PathBuf {
            let kept = self.path.path().with_extension("kept");
            let _ = fs::rename(self.path.path(), &kept);
            kept
        }
    }

    fn copy(from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir(to)?;
        fs::set_permissions(to, fs::metadata(from)?.permissions())?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                copy(&entry.path(), &target)?;
            } else {
                fs::copy(entry.path(), target)?;
            }
        }
        Ok(())
    }
}

/// Opens a connection.
pub fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).unwrap_or_else(|error| panic!("could not connect to {url}: {error}"))
}

/// Carries out one or more statements on a connection of their own.
pub fn execute(url: &str, sql: &str) {
    connect(url).batch_execute(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

/// Returns the rows of a query on a connection of its own, see [`TestDatabase::rows`].
pub fn rows(url: &str, sql: &str) -> Vec<Vec<Option<String>>> {
    rows_on(&mut connect(url), sql)
}

/// Returns the rows of a query on a given connection, see [`TestDatabase::rows`].
pub fn rows_on(connection: &mut PgConnection, sql: &str) -> Vec<Vec<Option<String>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Array<Nullable<Text>>)]
        fields: Vec<Option<String>>,
    }

    // A WITH query takes SELECT and RETURNING alike; json keeps the order of the columns, which jsonb does not.
    let sql = sql.trim().trim_end_matches(';');
    let wrapped =
        format!("WITH q AS ({sql}) SELECT ARRAY(SELECT value FROM json_each_text(row_to_json(q))) AS fields FROM q");
    let rows = diesel::sql_query(wrapped).load::<Row>(connection).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    rows.into_iter().map(|row| row.fields).collect()
}

/// Describes everything in a schema as sorted lines of text without OIDs, so that two databases can be compared.
///
/// Column positions are left out on purpose: a column that was added later stands elsewhere and is the same column.
pub fn catalog_digest(url: &str, schema: &str) -> String {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        line: String,
    }

    let mut connection = connect(url);
    // With nothing on the path the server writes every name with its schema.
    connection.batch_execute("SET search_path = ''").unwrap();
    let lines = diesel::sql_query(include_str!("catalog.sql"))
        .bind::<Text, _>(schema)
        .load::<Line>(&mut connection)
        .unwrap_or_else(|error| panic!("{error}"));
    let mut text = String::new();
    for line in lines {
        writeln!(text, "{}", line.line).unwrap();
    }
    text
}

/// Lets psql carry out a script on a database, as its header says to.
///
/// # Errors
/// What psql says, when it does not end with 0.
pub fn psql(database: &TestDatabase, script: &str) -> Result<(), String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let program = psql_program().unwrap_or_else(|| "psql".into());
    let output = Command::new(program)
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.url(), "-f"])
        .arg(file.path())
        .output()
        .unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Returns the psql that belongs to the server binaries, which need not be on the path.
fn psql_program() -> Option<PathBuf> {
    let binaries = find_binaries(setting("HRMS_TEST_PG_BINDIR").map(PathBuf::from).as_deref())?;
    Some(binaries.join("psql")).filter(|program| program.exists())
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Run {
    /// Exit code; 128 and the signal's number where a signal ended it.
    pub status: i32,
    /// What went to standard output.
    pub stdout: String,
    /// What went to standard error.
    pub stderr: String,
}

impl Run {
    /// Returns the run if it ended with `status`.
    ///
    /// # Panics
    /// If it did not, with all it wrote.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

/// A run of the program that is being prepared.
#[derive(Debug)]
pub struct CliBuilder {
    command: Command,
    // An empty directory to run in, so that no `.env` and no `ensure/` is found by chance.
    directory: tempfile::TempDir,
    input: Option<String>,
    time_out: Duration,
    #[cfg(feature = "embedded")]
    database: Option<std::sync::Arc<embedded::Directory>>,
}

/// Prepares a run of `hrms-migrate` with nothing of our environment in it but what a program needs to start.
pub fn cli(arguments: &[&str]) -> CliBuilder {
    let directory = tempfile::tempdir().unwrap();
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_hrms-migrate"));
    command.args(arguments).env_clear().current_dir(directory.path());
    for name in ["PATH", "TMPDIR", "SYSTEMROOT", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // No `~/.pgpass`, no `~/.pg_service.conf`; and one cache for the embedded engine's program files.
    command.env("HOME", temporary.join("home")).env("XDG_CACHE_HOME", temporary.join("cache"));
    CliBuilder {
        command,
        directory,
        input: None,
        time_out: CLI_TIME_OUT,
        #[cfg(feature = "embedded")]
        database: None,
    }
}

impl CliBuilder {
    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Lets the program work on a database: sets `DATABASE_URL`, or gives it the engine's directory.
    #[must_use]
    pub fn database(mut self, database: &TestDatabase) -> Self {
        match &database.place {
            Place::Server { url, .. } => {
                self.command.env("DATABASE_URL", url);
            }
            #[cfg(feature = "embedded")]
            Place::Embedded(directory) => self.database = Some(directory.clone()),
        }
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.arg(argument.into());
        self
    }

    /// Runs in another directory than an empty one.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Gives the program something to read; otherwise it has no standard input.
    #[must_use]
    pub fn stdin(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    /// Allows another time than two minutes.
    #[must_use]
    pub fn time_out(mut self, time_out: Duration) -> Self {
        self.time_out = time_out;
        self
    }

    /// Runs the program to its end.
    #[track_caller]
    pub fn run(self) -> Run {
        self.spawn().wait()
    }

    /// Starts the program and lets the test go on.
    pub fn spawn(mut self) -> RunningCli {
        #[cfg(feature = "embedded")]
        if let (Some(database), Some(directory)) = (&self.database, self.command.get_current_dir()) {
            database.hand_over(directory);
        }
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let Some(text) = self.input {
            let mut input = child.stdin.take().unwrap();
            thread::spawn(move || input.write_all(text.as_bytes()));
        }
        let stdout = read_in_background(child.stdout.take().unwrap());
        let stderr = read_in_background(child.stderr.take().unwrap());
        let time_out = self.time_out;
        RunningCli { child, stdout: Some(stdout), stderr: Some(stderr), time_out, _directory: self.directory }
    }
}

/// A run of the program that goes on beside the test; it is killed when dropped.
#[derive(Debug)]
pub struct RunningCli {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    time_out: Duration,
    _directory: tempfile::TempDir,
}

impl RunningCli {
    /// Returns its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name (`INT`, `TERM`, `KILL`).
    pub fn signal(&self, name: &str) {
        let script = r#"kill -s "$1" "$2""#;
        let status =
            Command::new("sh").args(["-c", script, "sh", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "could not send {name}");
    }

    /// Tells whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If it hangs.
    #[track_caller]
    pub fn wait(mut self) -> Run {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if started.elapsed() > self.time_out {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                break None;
            }
            thread::sleep(Duration::from_millis(5));
        };
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        let Some(status) = status else {
            panic!("hrms-migrate hung for {:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.time_out);
        };
        Run { status: exit_code(status), stdout, stderr }
    }
}

impl Drop for RunningCli {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is the usual case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the exit code as a shell would.
fn exit_code(status: std::process::ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(-1)
}

/// Reads a pipe to its end, so that the writer never waits for us.
fn read_in_background(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
