//! A real PostgreSQL inside the process: compiled to WebAssembly, data in a directory, reached over a private socket.
//!
//! What a caller has to know about it (measured with pglite-oxide 0.5.1, PostgreSQL 17.5):
//!
//! - One connection at a time. A second one is accepted only when the first has ended; until then its client waits.
//!   Every connection starts a backend of its own (0.1 s; 0.7 s for the first one of a process).
//! - Nothing can be cancelled, and no time-out of the server fires: the backend has neither signals nor timers.
//! - An error inside a PL/pgSQL block with an `EXCEPTION` clause is not caught. It reaches the client, and the session
//!   then refuses even `ROLLBACK`; a new connection is fine. Errors outside such blocks behave as usual.
//! - The files outlive the death of the process at any moment, but nothing is ever forced to the disk, so that they may
//!   not outlive a power failure.
//! - There is a superuser `postgres`, the database `postgres` and PL/pgSQL, no contrib extension, no second backend
//!   (`pg_stat_activity` has one row, parallel workers none).
//! - The engine unpacks its own program files (100 MB) into the user's cache directory (`$XDG_CACHE_HOME/pglite-oxide`,
//!   `~/.cache/pglite-oxide`) once per version. They may be deleted at any time; no data is there.

#![expect(clippy::disallowed_methods, reason = "an engine is files, and is waited for")]

use std::error::Error;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use pglite_oxide::{DataDirArchiveFormat, Pglite, PgliteServer};
use tempfile::TempDir;

use super::EngineError;
use super::socket;

/// How errors name this engine.
const ENGINE: &str = "the embedded PostgreSQL";

/// Major version of the server inside; `PG_VERSION` of its data directories.
pub const MAJOR_VERSION: u32 = 17;

/// Superuser and database that every data directory has from the beginning.
const USER: &str = "postgres";
const DATABASE: &str = "postgres";

/// Number in the socket's name. Nothing listens on a TCP port of that number.
const PORT: u16 = 5432;

/// Where `pglite-oxide` keeps the data inside its root directory.
const DATA_IN_ROOT: &str = "tmp/pglite/base";

/// Time between two looks at a lock that another process holds.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// How long a stop waits for the last client to go before it leaves the server to the end of the process.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// How long the first answer may take; recovery after a crash is part of it.
const PROBE_WAIT: Duration = Duration::from_mins(2);

/// Settings that differ from the engine's own, which suit a cache rather than a schema runner.
const SETTINGS: &[(&str, &str)] = &[
    // PostgreSQL's default; the engine's is `public` alone, and scripts should meet the usual path.
    ("search_path", "\"$user\", public"),
    // The engine lets everybody change system tables; a script that does so by mistake must fail here as elsewhere.
    ("allow_system_table_mods", "off"),
    // The engine allots 128 MB, and a backend that starts with every connection has to clear them: 70 ms each time.
    ("shared_buffers", "16MB"),
];

/// Runs a PostgreSQL server in this process until it is dropped.
///
/// While it lives this process owns the directory: a second one waits in [`start`](Self::start). The data survive the
/// value, the process, and its death.
#[derive(Debug)]
pub struct Embedded {
    directory: PathBuf,
    url: String,
    created: bool,
    running: Option<Running>,
}

/// What has to be given up in this order: server, socket directory, lock.
#[derive(Debug)]
struct Running {
    server: PgliteServer,
    socket_directory: Option<TempDir>,
    lock: DirectoryLock,
}

impl Embedded {
    /// Starts the server on the data in `directory`, which is created (readable by its owner only) if need be.
    ///
    /// Takes the lock of the directory first and waits up to `wait` for it: this lock is the runner lock, as there can be
    /// no second connection to hold an advisory one.
    ///
    /// Cost: a new directory takes 2 s and 60 MB; an existing one takes 0.1 s, and its first connection 0.7 s.
    ///
    /// # Errors
    /// [`EngineError::DirectoryLocked`] after `wait`; [`EngineError::NotADirectory`], [`EngineError::NotWritable`] and
    /// [`EngineError::StorageFull`] for what can be wrong with the directory; [`EngineError::IncompatibleData`] and
    /// [`EngineError::DamagedData`] for what can be wrong with the data in it; [`EngineError::CacheUnavailable`] when the
    /// engine cannot unpack its program files; [`EngineError::Start`] for the rest.
    pub fn start(directory: &Path, wait: Duration) -> Result<Self, EngineError> {
        let directory = create_private_directory(directory)?;
        let lock = DirectoryLock::acquire(&directory, wait)?;
        ignore_in_git(&directory)?;

        let root = directory.join("pgdata");
        let created = !root.exists();
        if created {
            create_data(&directory, &root)?;
        } else {
            check_data(&root)?;
        }

        let (server, socket, url) = serve(&root)?;
        let clean = lock.last_owner_ended_cleanly;
        // From here on the value's destructor keeps the order: a server whose socket is gone first cannot be woken to stop.
        let mut embedded =
            Self { directory, url, created, running: Some(Running { server, socket_directory: socket, lock }) };
        if let Some(running) = &mut embedded.running {
            running.lock.write_down(running.socket_directory.as_ref().map(TempDir::path))?;
        }
        if !clean {
            // After a crash the first connection recovers; if it cannot, that is better said here than by the client.
            embedded.probe()?;
        }
        Ok(embedded)
    }

    /// Returns the connection URL, in a form that libpq and every program built on it understands.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the directory that was given to [`start`](Self::start), as an absolute path.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Tells whether this start made the database.
    #[must_use]
    pub fn created(&self) -> bool {
        self.created
    }

    /// Stops the server and gives up the directory.
    ///
    /// Dropping the value does the same, silently. Connections have to be closed before: an open one keeps the server,
    /// which then lives (and keeps the directory locked) until the process ends.
    ///
    /// # Errors
    /// [`EngineError::Stop`] when a connection was still open after 5 s; [`EngineError::Start`] when the server had
    /// ended before, with its reason.
    pub fn stop(mut self) -> Result<(), EngineError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), EngineError> {
        let Some(Running { server, socket_directory: socket, mut lock }) = self.running.take() else { return Ok(()) };
        let (done, ended) = mpsc::channel();
        // Waiting for the server has no time-out of its own, so that it happens beside this thread. Everything goes with
        // it: the lock must not be free while a backend may still write.
        let spawned = thread::Builder::new().name("embedded-stop".to_owned()).spawn(move || {
            let result = server.shutdown();
            drop(socket);
            if result.is_ok() {
                lock.note_clean_end();
            }
            drop(lock);
            // Nobody listens any more after a time-out.
            let _ = done.send(result);
        });
        spawned.map_err(|source| EngineError::Io { path: self.directory.clone(), source })?;
        match ended.recv_timeout(STOP_WAIT) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(start_error(&self.directory, error.as_ref())),
            Err(_) => Err(EngineError::Stop { engine: ENGINE, waited: STOP_WAIT }),
        }
    }

    /// Opens a connection and closes it again, to learn whether the server takes any.
    #[cfg(unix)]
    fn probe(&self) -> Result<(), EngineError> {
        use std::os::unix::net::UnixStream;

        let Some(path) = self.running.as_ref().and_then(|running| running.server.socket_path()) else { return Ok(()) };
        let answer = UnixStream::connect(path).and_then(|stream| {
            stream.set_read_timeout(Some(PROBE_WAIT))?;
            handshake(stream)
        });
        self.judge(answer)
    }

    /// Opens a connection and closes it again, to learn whether the server takes any.
    #[cfg(not(unix))]
    fn probe(&self) -> Result<(), EngineError> {
        let Some(address) = self.running.as_ref().and_then(|running| running.server.tcp_addr()) else { return Ok(()) };
        let answer = std::net::TcpStream::connect(address).and_then(|stream| {
            stream.set_read_timeout(Some(PROBE_WAIT))?;
            handshake(stream)
        });
        self.judge(answer)
    }

    fn judge(&self, answer: io::Result<Option<String>>) -> Result<(), EngineError> {
        let reason = match answer {
            Ok(None) => return Ok(()),
            Ok(Some(message)) => message,
            Err(error) => format!("no answer from the server: {error}"),
        };
        Err(classify(&self.directory, &reason)
            .unwrap_or(EngineError::DamagedData { path: self.directory.join("pgdata"), reason }))
    }
}

/// An engine with an empty database that is removed with the value.
#[derive(Debug)]
pub struct ScratchEngine {
    // The engine before its directory: fields are dropped in this order.
    engine: Embedded,
    _directory: TempDir,
}

impl ScratchEngine {
    /// Starts an engine in a directory of its own.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub fn start() -> Result<Self, EngineError> {
        let directory = socket::private_directory("hrms-scratch-")?;
        Ok(Self { engine: Embedded::start(directory.path(), Duration::ZERO)?, _directory: directory })
    }

    /// Returns the connection URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.engine.url()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // A destructor has nobody to tell; `stop` is for those who want to know.
        let _ = self.end();
    }
}

/// Creates `directory` for its owner alone and returns its absolute path.
fn create_private_directory(directory: &Path) -> Result<PathBuf, EngineError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(directory)
        .and_then(|()| fs::canonicalize(directory))
        .map_err(|source| EngineError::from_io(directory, source))
}

/// Keeps the database out of the repository in whose working tree it lies.
fn ignore_in_git(directory: &Path) -> Result<(), EngineError> {
    let path = directory.join(".gitignore");
    if path.exists() {
        return Ok(());
    }
    fs::write(&path, "*\n").map_err(|source| EngineError::from_io(&path, source))
}

/// Makes a new database and gives it its name when it is whole.
///
/// The engine's own way is a layer of changes over a template in the user's cache: an interrupted copy from there would
/// pass for the file, and a later version with another template refuses the layer. A self-contained directory has neither
/// problem.
fn create_data(directory: &Path, root: &Path) -> Result<(), EngineError> {
    let unfinished = directory.join("pgdata.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|source| EngineError::from_io(&unfinished, source))?;
    }
    let made = (|| {
        let failed = |error: &(dyn Error + 'static)| start_error(directory, error);
        let mut template = Pglite::builder().path(&unfinished).open().map_err(|error| failed(error.as_ref()))?;
        let archive =
            template.dump_data_dir_with_format(DataDirArchiveFormat::Tar).map_err(|error| failed(error.as_ref()))?;
        template.close().map_err(|error| failed(error.as_ref()))?;
        drop(template);
        Pglite::builder()
            .path(&unfinished)
            .load_data_dir_archive(archive)
            .open()
            .and_then(|mut database| database.close())
            .map_err(|error| failed(error.as_ref()))?;
        check_data(&unfinished)?;
        fs::rename(&unfinished, root).map_err(|source| EngineError::from_io(root, source))
    })();
    if made.is_err() {
        // What is left would only take room; the reason above is the one to tell.
        let _ = fs::remove_dir_all(&unfinished);
    }
    made
}

/// Refuses data that the engine could not read, or would silently replace.
fn check_data(root: &Path) -> Result<(), EngineError> {
    let data = root.join(DATA_IN_ROOT);
    let version_file = data.join("PG_VERSION");
    let found = match fs::read_to_string(&version_file) {
        Ok(text) => text.trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(EngineError::DamagedData {
                path: root.to_path_buf(),
                reason: format!("there is no {}", version_file.display()),
            });
        }
        Err(source) => return Err(EngineError::from_io(&version_file, source)),
    };
    if found != MAJOR_VERSION.to_string() {
        return Err(EngineError::IncompatibleData { path: root.to_path_buf(), found, expected: MAJOR_VERSION });
    }
    let control_file = data.join("global/pg_control");
    if !control_file.is_file() {
        return Err(EngineError::DamagedData {
            path: root.to_path_buf(),
            reason: format!("there is no {}", control_file.display()),
        });
    }
    Ok(())
}

/// Starts the server and returns it with its socket's directory and its URL.
#[cfg(unix)]
fn serve(root: &Path) -> Result<(PgliteServer, Option<TempDir>, String), EngineError> {
    let socket = socket::private_directory("hrms-migrate-")?;
    let server = PgliteServer::builder()
        .path(root)
        .unix(socket.path().join(format!(".s.PGSQL.{PORT}")))
        .username(USER)
        .database(DATABASE)
        .postgres_configs(SETTINGS.iter().copied())
        .start()
        .map_err(|error| start_error(root, error.as_ref()))?;
    let host = socket::percent_encoded(&socket.path().to_string_lossy());
    let url = format!("postgresql://{USER}@/{DATABASE}?host={host}&port={PORT}&sslmode=disable&gssencmode=disable");
    Ok((server, Some(socket), url))
}

/// Starts the server, on a free port of the loopback interface, as this system has no Unix sockets.
#[cfg(not(unix))]
fn serve(root: &Path) -> Result<(PgliteServer, Option<TempDir>, String), EngineError> {
    let server = PgliteServer::builder()
        .path(root)
        .username(USER)
        .database(DATABASE)
        .postgres_configs(SETTINGS.iter().copied())
        .start()
        .map_err(|error| start_error(root, error.as_ref()))?;
    let port = server.tcp_addr().map_or(PORT, |address| address.port());
    let url = format!("postgresql://{USER}@127.0.0.1:{port}/{DATABASE}?sslmode=disable&gssencmode=disable");
    Ok((server, None, url))
}

/// Carries out the start of a connection and ends it; returns the server's message if it refuses.
fn handshake(mut stream: impl io::Read + io::Write) -> io::Result<Option<String>> {
    /// Protocol 3.0, as the first field of a start-up packet.
    const PROTOCOL: u32 = 196_608;
    let mut parameters = PROTOCOL.to_be_bytes().to_vec();
    for word in ["user", USER, "database", DATABASE] {
        parameters.extend_from_slice(word.as_bytes());
        parameters.push(0);
    }
    parameters.push(0);
    let length = u32::try_from(parameters.len() + 4).unwrap_or(u32::MAX);
    stream.write_all(&[&length.to_be_bytes()[..], &parameters].concat())?;
    loop {
        let mut header = [0; 5];
        stream.read_exact(&mut header)?;
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]).saturating_sub(4);
        let mut body = Vec::new();
        (&mut stream).take(u64::from(length)).read_to_end(&mut body)?;
        match header[0] {
            // ReadyForQuery; answered with Terminate.
            b'Z' => {
                stream.write_all(&[b'X', 0, 0, 0, 4])?;
                return Ok(None);
            }
            b'E' => {
                let field = body.split(|&byte| byte == 0).find(|field| field.first() == Some(&b'M'));
                let message = field.map(|field| String::from_utf8_lossy(&field[1..]).into_owned());
                return Ok(Some(message.unwrap_or_else(|| "unknown error".to_owned())));
            }
            _ => {}
        }
    }
}

/// Turns the engine's error, which is a chain of texts, into one of ours.
fn start_error(path: &Path, error: &(dyn Error + 'static)) -> EngineError {
    let mut reason = error.to_string();
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(cause) = cause.downcast_ref::<io::Error>()
            && matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            return EngineError::StorageFull { path: path.to_path_buf() };
        }
        next = cause.source();
        if let Some(next) = next {
            reason = format!("{reason}: {next}");
        }
    }
    classify(path, &reason).unwrap_or(EngineError::Start { engine: ENGINE, reason })
}

/// Recognises the reasons that have a remedy of their own by the engine's words.
///
/// The engine keeps some failures as text only (its caches remember them for the process), so that this cannot go by type.
fn classify(path: &Path, reason: &str) -> Option<EngineError> {
    // The name of the engine's cache directory as the three families of systems build it; in the data directory the
    // engine's names begin with a dot.
    let in_cache =
        ["/pglite-oxide/", "dev.pglite-oxide.pglite-oxide", "\\pglite-oxide\\", "pglite-oxide cache directory"];
    if in_cache.iter().any(|words| reason.contains(words)) {
        return Some(EngineError::CacheUnavailable { reason: reason.to_owned() });
    }
    if reason.contains("No space left on device") || reason.contains("Disk quota exceeded") {
        return Some(EngineError::StorageFull { path: path.to_path_buf() });
    }
    None
}

/// The lock of a directory: one process at a time, freed by the system even when its owner is killed.
///
/// The file holds the owner's process number and socket directory while it is used, and is empty after a clean end.
#[derive(Debug)]
struct DirectoryLock {
    path: PathBuf,
    file: File,
    last_owner_ended_cleanly: bool,
}

impl DirectoryLock {
    fn acquire(directory: &Path, wait: Duration) -> Result<Self, EngineError> {
        let path = directory.join("lock");
        let failed = |source| EngineError::from_io(&path, source);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < wait => {
                    thread::sleep(LOCK_POLL.min(wait.saturating_sub(started.elapsed())));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(EngineError::DirectoryLocked {
                        path: directory.to_path_buf(),
                        holder: read_owner(&mut file).0,
                        waited: started.elapsed(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        let (owner, socket) = read_owner(&mut file);
        if let Some(socket) = socket {
            // A killed owner could not remove it. Only an empty directory or one with nothing but a socket goes.
            let _ = fs::remove_file(socket.join(format!(".s.PGSQL.{PORT}")));
            let _ = fs::remove_dir(socket);
        }
        Ok(Self { path, file, last_owner_ended_cleanly: owner.is_none() })
    }

    fn write_down(&mut self, socket: Option<&Path>) -> Result<(), EngineError> {
        let socket = socket.map(|path| path.display().to_string()).unwrap_or_default();
        let text = format!("{}\n{socket}\n", std::process::id());
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .map_err(|source| EngineError::from_io(&self.path, source))
    }

    fn note_clean_end(&mut self) {
        // Where this fails, the next start only looks more closely than it has to.
        let _ = self.file.set_len(0);
    }
}

/// Reads what [`DirectoryLock::write_down`] wrote; nothing where there is nothing to read.
fn read_owner(file: &mut File) -> (Option<u32>, Option<PathBuf>) {
    let mut text = String::new();
    // On systems whose locks also stop readers the owner stays unknown.
    if file.rewind().and_then(|()| file.read_to_string(&mut text)).is_err() {
        return (None, None);
    }
    let mut lines = text.lines();
    let owner = lines.next().and_then(|line| line.parse().ok());
    let socket = lines.next().filter(|line| !line.is_empty()).map(PathBuf::from);
    (owner, socket)
}
