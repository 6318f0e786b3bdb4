//! A private scratch cluster, made from PostgreSQL server binaries found on the machine and removed after use.
//!
//! Only `initdb` and `postgres` are needed, so that a bare set of server binaries will do. The cluster listens on a Unix
//! socket in a private directory, on request also on a free port of the loopback interface. It trusts everybody who gets
//! there, and gives durability away for speed.
//!
//! Nothing is left behind, however the process ends: a small shell waits at the other end of a pipe, and when the pipe
//! closes (which the system does for a killed process too) it stops the server and removes the directory.

#![expect(clippy::disallowed_methods, reason = "a cluster is files, and is waited for")]

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::EngineError;
use super::socket;

/// How errors name this engine.
const ENGINE: &str = "the scratch cluster";

/// Superuser of every cluster.
const SUPERUSER: &str = "postgres";

/// Users that may run the server in place of root, the better one first.
const UNPRIVILEGED_USERS: &[&str] = &["postgres", "nobody"];

/// Where the programs that initdb and the watchdog call are looked for; the caller's own path is not passed on.
const PROGRAM_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// How long a server may take to start or to stop; a busy machine needs seconds, a broken one for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// Time between two looks at a server that starts or stops.
const POLL: Duration = Duration::from_millis(10);

/// How many bytes of a log an error carries.
const LOG_TAIL: usize = 2000;

/// How many free ports are tried, as another program may take one between looking and listening.
const PORT_ATTEMPTS: usize = 5;

/// Settings of every cluster; those of [`ClusterOptions::setting`] come later and win.
const SETTINGS: &[(&str, &str)] = &[
    // The data are thrown away, so that nothing has to survive a crash of the machine.
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "32MB"),
    ("max_connections", "200"),
    ("max_prepared_transactions", "10"),
    // It would make sizes and statistics change between two looks at the same scratch table.
    ("autovacuum", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// Waits for its input to end, and then takes the server and its files down.
///
/// A line on its input dismisses it. Arguments: the server's process number, the directory. `kill` and `read` are built
/// into every shell; the loop gives the server ten seconds to leave the directory before that is removed.
const WATCHDOG: &str = r#"
read -r line && exit 0
kill -s QUIT "$1" 2>/dev/null
i=0
while kill -s 0 "$1" 2>/dev/null && [ "$i" -lt 100 ]; do sleep 0.1 2>/dev/null || sleep 1; i=$((i + 1)); done
rm -rf -- "$2"
"#;

/// Finds a directory with PostgreSQL's server binaries.
///
/// An `explicit` directory is the only one looked at. Otherwise: what `pg_config` says, the directories of the Debian and
/// Red Hat packages (newest version first), of an installation from source, and of Homebrew.
#[must_use]
pub fn find_binaries(explicit: Option<&Path>) -> Option<PathBuf> {
    if let Some(directory) = explicit {
        return has_binaries(directory).then(|| directory.to_path_buf());
    }
    candidates().find(|directory| has_binaries(directory))
}

/// Finds a directory with the server binaries of a major version; where there is none, one with those of another.
#[must_use]
pub fn find_binaries_of(major: u32) -> Option<PathBuf> {
    let found: Vec<PathBuf> = candidates().filter(|directory| has_binaries(directory)).collect();
    found.iter().find(|directory| major_of(directory) == Some(major)).or(found.first()).cloned()
}

/// Returns where PostgreSQL's programs may be, the better places first.
pub fn directories() -> impl Iterator<Item = PathBuf> {
    candidates()
}

/// Returns where binaries may be, the better places first.
fn candidates() -> impl Iterator<Item = PathBuf> {
    pg_config_directory()
        .into_iter()
        .chain(versioned("/usr/lib/postgresql", "", "bin"))
        .chain(versioned("/usr", "pgsql-", "bin"))
        .chain([PathBuf::from("/usr/local/pgsql/bin")])
        .chain(versioned("/opt/homebrew/opt", "postgresql@", "bin"))
        .chain(versioned("/usr/local/opt", "postgresql@", "bin"))
        .chain(versioned("/Applications/Postgres.app/Contents/Versions", "", "bin"))
        .chain(["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"].map(PathBuf::from))
}

/// Asks the server's program which major version it is.
fn major_of(directory: &Path) -> Option<u32> {
    let program = directory.join("postgres");
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    major_in(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0)`.
fn major_in(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|char: char| char.is_ascii_digit()))?;
    let digits = version.find(|char: char| !char.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

/// Tells whether `directory` holds the two programs a cluster needs.
fn has_binaries(directory: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| directory.join(program).is_file())
}

/// Asks `pg_config`, if there is one, where the binaries are.
fn pg_config_directory() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(text.trim()))
}

/// Lists `parent/<prefix><version>/<child>`, newest version first; directories without a version stay out.
fn versioned(parent: &str, prefix: &str, child: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
            Some((version, entry.path().join(child)))
        })
        .collect();
    found.sort_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, path)| path).collect()
}

/// Says how a cluster is made.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    binaries: PathBuf,
    settings: Vec<(String, String)>,
    tcp: bool,
}

impl ClusterOptions {
    /// Begins with the server binaries in `binaries`, as [`find_binaries`] returns them.
    #[must_use]
    pub fn new(binaries: impl Into<PathBuf>) -> Self {
        Self { binaries: binaries.into(), settings: Vec::new(), tcp: false }
    }

    /// Adds a setting to `postgresql.conf`; a later one of the same name wins.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Listens on a free port of 127.0.0.1 as well.
    #[must_use]
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }
}

/// Says how a server is stopped, in the manual's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Ends the sessions and shuts down in order.
    Fast,
    /// Leaves at once, as in a crash; the next start recovers.
    Immediate,
}

impl StopMode {
    /// The signal that the postmaster understands so.
    fn signal(self) -> &'static str {
        match self {
            Self::Fast => "INT",
            Self::Immediate => "QUIT",
        }
    }
}

/// A scratch cluster; it is stopped and its files are removed when the value is dropped.
///
/// # Example
///
/// ```no_run
/// use hrms_migrate::engine::cluster::{Cluster, ClusterOptions, find_binaries};
///
/// let binaries = find_binaries(None).expect("server binaries");
/// let cluster = Cluster::start(ClusterOptions::new(binaries).setting("work_mem", "8MB"))?;
/// println!("{}", cluster.url("postgres"));
/// # Ok::<(), hrms_migrate::engine::EngineError>(())
/// ```
#[derive(Debug)]
pub struct Cluster {
    directory: TempDir,
    options: ClusterOptions,
    user: Option<SystemUser>,
    port: u16,
    major_version: u32,
    running: Option<Running>,
}

/// The server and the shell that looks after it.
#[derive(Debug)]
struct Running {
    server: Child,
    watchdog: Child,
}

impl Cluster {
    /// Makes a new cluster and starts it.
    ///
    /// Returns when the server takes connections. As root, which PostgreSQL refuses to run as, the server runs as the
    /// user postgres or nobody.
    ///
    /// Cost: 1 s to 2 s and 50 MB in the directory for temporary files.
    ///
    /// # Errors
    /// [`EngineError::Program`] and [`EngineError::ProgramFailed`] if the binaries cannot be run or `initdb` fails,
    /// [`EngineError::NoUnprivilegedUser`] if root finds nobody to run them, [`EngineError::Start`] with the end of the
    /// log if the server does not come up, and the errors of the file system.
    pub fn start(options: ClusterOptions) -> Result<Self, EngineError> {
        let directory = socket::private_directory("hrms-scratch-")?;
        let path = directory.path();
        let owner = fs::metadata(path).map_err(|source| EngineError::from_io(path, source))?.uid();
        let user = if owner == 0 { Some(SystemUser::able_to_run(&options.binaries)?) } else { None };
        fs::create_dir(path.join("socket")).map_err(|source| EngineError::from_io(path, source))?;
        if let Some(user) = &user {
            for path in [path, &path.join("socket")] {
                std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))
                    .map_err(|source| EngineError::from_io(path, source))?;
            }
        }
        let mut cluster = Self { directory, options, user, port: 5432, major_version: 0, running: None };
        cluster.init()?;
        cluster.write_settings()?;
        cluster.find_port_and_launch()?;
        Ok(cluster)
    }

    /// Returns the URL of a database of this cluster over its Unix socket, for its superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = socket::percent_encoded(&self.socket_directory().to_string_lossy());
        let database = socket::percent_encoded(database);
        let port = self.port;
        format!("postgresql://{SUPERUSER}@/{database}?host={host}&port={port}&sslmode=disable&gssencmode=disable")
    }

    /// Returns the URL of a database over TCP, if the cluster listens there.
    #[must_use]
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        let database = socket::percent_encoded(database);
        let port = self.port;
        self.options
            .tcp
            .then(|| format!("postgresql://{SUPERUSER}@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"))
    }

    /// Returns the directory of the Unix socket.
    #[must_use]
    pub fn socket_directory(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// Returns the port: part of the socket's name, and the TCP port if the cluster listens on TCP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the server's major version.
    #[must_use]
    pub fn major_version(&self) -> u32 {
        self.major_version
    }

    /// Returns the path of the server's log.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Returns the process number of the postmaster while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.server.id())
    }

    /// Stops the server and keeps its data for a [`restart`](Self::restart). Does nothing if it does not run.
    ///
    /// # Errors
    /// [`EngineError::Stop`] if the server had to be killed because it did not stop within a minute.
    pub fn stop(&mut self, mode: StopMode) -> Result<(), EngineError> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        let stopped = matches!(running.server.try_wait(), Ok(Some(_))) || {
            // The child is not reaped yet, so that its number cannot have passed to another process.
            let script = r#"kill -s "$1" "$2""#;
            let pid = running.server.id().to_string();
            let sent = self.command("sh", None).args(["-c", script, "sh", mode.signal(), &pid]).output();
            sent.is_ok() && wait_for_end(&mut running.server, PATIENCE)
        };
        if !stopped {
            // Nothing more can be done than this; what it answers does not matter.
            let _ = running.server.kill();
            let _ = running.server.wait();
        }
        dismiss(&mut running.watchdog);
        if stopped { Ok(()) } else { Err(EngineError::Stop { engine: ENGINE, waited: PATIENCE }) }
    }

    /// Stops the server, if it runs, and starts it again on the same data, socket and port.
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop) and [`start`](Self::start).
    pub fn restart(&mut self, mode: StopMode) -> Result<(), EngineError> {
        self.stop(mode)?;
        self.launch()
    }

    fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Prepares a program to run with nothing but what it needs: an own user if there is one, no environment of ours.
    fn command(&self, program: impl AsRef<OsStr>, user: Option<&SystemUser>) -> Command {
        command(program.as_ref(), self.directory.path(), user)
    }

    fn init(&mut self) -> Result<(), EngineError> {
        let program = self.options.binaries.join("initdb");
        let data = self.data_directory();
        let mut output = String::new();
        // C.UTF-8 is missing on some systems; with C the encoding is the same, only case mapping knows ASCII alone.
        for locale in ["C.UTF-8", "C"] {
            let result = self
                .command(&program, self.user.as_ref())
                .arg("-D")
                .arg(&data)
                .args(["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync"])
                .arg(format!("--locale={locale}"))
                .output()
                .map_err(|source| EngineError::Program { program: program.clone(), source })?;
            if result.status.success() {
                let version_file = data.join("PG_VERSION");
                let version =
                    fs::read_to_string(&version_file).map_err(|source| EngineError::from_io(&version_file, source))?;
                self.major_version = version.trim().parse().unwrap_or(0);
                return Ok(());
            }
            output = tail(&[result.stdout, result.stderr].concat());
            if output.contains("No space left on device") {
                return Err(EngineError::StorageFull { path: data });
            }
            if !output.contains("locale") {
                break;
            }
        }
        Err(EngineError::ProgramFailed { program, output })
    }

    fn write_settings(&self) -> Result<(), EngineError> {
        let path = self.data_directory().join("postgresql.conf");
        let failed = |source| EngineError::from_io(&path, source);
        let mut file = fs::OpenOptions::new().append(true).open(&path).map_err(failed)?;
        let socket_directory = self.socket_directory().display().to_string();
        let listen = if self.options.tcp { "127.0.0.1" } else { "" };
        let own = [("unix_socket_directories", socket_directory.as_str()), ("listen_addresses", listen)];
        let given = self.options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in SETTINGS.iter().copied().chain(own).chain(given) {
            let value = value.replace('\\', "\\\\").replace('\'', "''");
            writeln!(file, "{name} = '{value}'").map_err(failed)?;
        }
        Ok(())
    }

    fn find_port_and_launch(&mut self) -> Result<(), EngineError> {
        if !self.options.tcp {
            return self.launch();
        }
        let mut attempt = 1;
        loop {
            self.port = TcpListener::bind(("127.0.0.1", 0))
                .and_then(|listener| listener.local_addr())
                .map_err(|source| EngineError::NoSocketDirectory { source })?
                .port();
            match self.launch() {
                Err(EngineError::Start { reason, .. })
                    if attempt < PORT_ATTEMPTS && reason.contains("could not bind IPv4") =>
                {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// Starts the server on the data that are there and waits until it takes connections.
    fn launch(&mut self) -> Result<(), EngineError> {
        let log_path = self.log_path();
        let failed = |source| EngineError::from_io(&log_path, source);
        let log = fs::OpenOptions::new().create(true).append(true).open(&log_path).map_err(failed)?;
        let program = self.options.binaries.join("postgres");
        let mut server = self
            .command(&program, self.user.as_ref())
            .arg("-D")
            .arg(self.data_directory())
            .args(["-p", &self.port.to_string()])
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(|source| EngineError::Program { program, source })?;
        let watchdog = self
            .command("sh", None)
            .args(["-c", WATCHDOG, "sh", &server.id().to_string()])
            .arg(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let watchdog = match watchdog {
            Ok(watchdog) => watchdog,
            Err(source) => {
                // Without its watchdog the server might outlive this process, so that it must not run at all.
                let _ = server.kill();
                let _ = server.wait();
                return Err(EngineError::Program { program: PathBuf::from("sh"), source });
            }
        };
        self.running = Some(Running { server, watchdog });
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<(), EngineError> {
        let pid_file = self.data_directory().join("postmaster.pid");
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let Some(running) = &mut self.running else { break };
            if !matches!(running.server.try_wait(), Ok(None)) {
                break;
            }
            // The eighth line is the postmaster's status, the first one its process number (a stale file has another).
            if let Ok(text) = fs::read_to_string(&pid_file)
                && text.lines().next().and_then(|line| line.trim().parse().ok()) == Some(running.server.id())
                && text.lines().nth(7).is_some_and(|status| status.trim() == "ready")
            {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        let reason = tail(&fs::read(self.log_path()).unwrap_or_default());
        // The reason is in the log; that a server which never ran cannot be stopped adds nothing.
        let _ = self.stop(StopMode::Immediate);
        Err(EngineError::Start { engine: ENGINE, reason })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The files are removed whatever happens here, by the directory's own destructor.
        let _ = self.stop(StopMode::Immediate);
    }
}

/// Prepares a program to run in `directory` with an environment that does not depend on ours.
///
/// It gets a process group of its own, so that Ctrl-C at the terminal reaches it only through us.
fn command(program: &OsStr, directory: &Path, user: Option<&SystemUser>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", PROGRAM_PATH)
        .env("LC_ALL", "C")
        .current_dir(directory)
        .stdin(Stdio::null())
        .process_group(0);
    if let Some(user) = user {
        // The standard library drops root's supplementary groups along with the user.
        command.uid(user.uid).gid(user.gid);
    }
    command
}

/// Waits for a child to end; `false` if it did not in time.
fn wait_for_end(child: &mut Child, patience: Duration) -> bool {
    let started = Instant::now();
    while started.elapsed() < patience {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        thread::sleep(POLL);
    }
    false
}

/// Sends the watchdog away without letting it act.
fn dismiss(watchdog: &mut Child) {
    if let Some(mut input) = watchdog.stdin.take() {
        // A watchdog that is gone already cannot be told, and need not be.
        let _ = input.write_all(b"done\n");
    }
    let _ = watchdog.wait();
}

/// Returns the end of a log as text.
fn tail(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LOG_TAIL)..]);
    text.trim().to_owned()
}

/// A user of the system by number.
#[derive(Debug, Clone)]
struct SystemUser {
    uid: u32,
    gid: u32,
}

impl SystemUser {
    /// Finds a user other than root who can execute the server binaries.
    fn able_to_run(binaries: &Path) -> Result<Self, EngineError> {
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let mut reason = "no such user in /etc/passwd".to_owned();
        for name in UNPRIVILEGED_USERS {
            let Some(user) = Self::in_accounts(&accounts, name) else { continue };
            let program = binaries.join("postgres");
            // The directory is not the user's yet, so that this one command runs elsewhere.
            let tried = command(program.as_os_str(), Path::new("/"), Some(&user)).arg("--version").output();
            match tried {
                Ok(output) if output.status.success() => return Ok(user),
                Ok(output) => reason = format!("{name} cannot run {}: {}", program.display(), tail(&output.stderr)),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    reason = format!("{name} may not execute {}", program.display());
                }
                Err(source) => return Err(EngineError::Program { program, source }),
            }
        }
        Err(EngineError::NoUnprivilegedUser { reason })
    }

    /// Looks a user up in the text of `/etc/passwd`.
    fn in_accounts(accounts: &str, name: &str) -> Option<Self> {
        accounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [account, _, uid, gid, ..] = fields[..] else { return None };
            let user = Self { uid: uid.parse().ok()?, gid: gid.parse().ok()? };
            (account == name && user.uid != 0).then_some(user)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_stands_in_what_the_program_says() {
        assert_eq!(major_in("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_in("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_in("postgres"), None);
    }

    #[test]
    fn a_user_is_found_by_name_and_never_root() {
        let accounts =
            "root:x:0:0::/root:/bin/sh\n# comment\nnobody:x:65534:65533::/:/bin/false\npostgres:x:0:0::/:/bin/sh\n";
        let nobody = SystemUser::in_accounts(accounts, "nobody").unwrap();
        assert_eq!((nobody.uid, nobody.gid), (65534, 65533));
        assert!(SystemUser::in_accounts(accounts, "root").is_none());
        assert!(SystemUser::in_accounts(accounts, "postgres").is_none());
        assert!(SystemUser::in_accounts(accounts, "nobod").is_none());
    }

    #[test]
    fn the_newest_version_comes_first() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["9.6", "15", "18", "17.2", "common", "pgsql-16"] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        let found = versioned(parent.path().to_str().unwrap(), "", "bin");
        let names: Vec<String> = found
            .iter()
            .map(|path| path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["18", "17.2", "15", "9.6"]);
    }

    #[test]
    fn a_directory_without_server_binaries_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(find_binaries(Some(directory.path())), None);
    }

    #[test]
    fn the_tail_of_a_log_may_begin_inside_a_character() {
        let log = "ä".repeat(LOG_TAIL);
        assert!(tail(&log.as_bytes()[1..]).len() <= LOG_TAIL + 2);
    }
}
