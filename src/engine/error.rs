//! What can go wrong before there is a server to talk to.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tells why no server could be provided.
///
/// The display text is the first line of a message; [`why`](Self::why) and [`help`](Self::help) are the parts after it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The path that should hold the data is a file, or something else that is no directory.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The path in question.
        path: PathBuf,
    },

    /// A directory or a file in it cannot be created, read or written.
    #[error("no write access to {}", path.display())]
    NotWritable {
        /// The path in question.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The file system has no room left.
    #[error("no space left for {}", path.display())]
    StorageFull {
        /// What was being written.
        path: PathBuf,
    },

    /// Any other failure of the file system.
    #[error("could not use {}", path.display())]
    Io {
        /// The path in question.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Another process works with the directory and did not end in time.
    #[error("{} is in use by another process", path.display())]
    DirectoryLocked {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, if it could write its number down.
        holder: Option<u32>,
        /// How long this process waited for it.
        waited: Duration,
    },

    /// The data was written by another major version of PostgreSQL.
    #[error("the data in {} belongs to PostgreSQL {found}; this is PostgreSQL {expected}", path.display())]
    IncompatibleData {
        /// The data directory.
        path: PathBuf,
        /// The major version that wrote it, as its `PG_VERSION` says.
        found: String,
        /// The major version that would have to read it.
        expected: u32,
    },

    /// The data directory is there, but files without which no server starts are not.
    #[error("the data in {} is damaged", path.display())]
    DamagedData {
        /// The data directory.
        path: PathBuf,
        /// What was found out.
        reason: String,
    },

    /// The directory where the embedded engine unpacks its program files cannot be used.
    #[error("the embedded PostgreSQL has no place for its program files")]
    CacheUnavailable {
        /// What the engine said.
        reason: String,
    },

    /// No directory is short enough, writable and private, so no Unix socket can be made.
    #[error("no directory for a Unix socket")]
    NoSocketDirectory {
        /// What the system said about the last directory tried.
        #[source]
        source: io::Error,
    },

    /// PostgreSQL itself did not start.
    #[error("{engine} did not start")]
    Start {
        /// Which engine.
        engine: &'static str,
        /// What it said.
        reason: String,
    },

    /// PostgreSQL did not stop in time.
    #[error("{engine} did not stop within {} s", waited.as_secs())]
    Stop {
        /// Which engine.
        engine: &'static str,
        /// How long it was given.
        waited: Duration,
    },

    /// A program could not be started at all.
    #[error("could not start {}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// A program ended with an error.
    #[error("{} failed", program.display())]
    ProgramFailed {
        /// The program.
        program: PathBuf,
        /// The end of what it wrote.
        output: String,
    },

    /// PostgreSQL refuses to run as root, and there is no other user to run it as.
    #[error("PostgreSQL cannot run as root, and neither the user postgres nor nobody can run it")]
    NoUnprivilegedUser {
        /// What is missing.
        reason: String,
    },
}

impl EngineError {
    /// Sorts a failure of the file system into the variant that helps most.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::StorageFull { path }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::NotWritable { path, source },
            io::ErrorKind::NotADirectory => Self::NotADirectory { path },
            // `create_dir_all` answers "exists" where a file stands in the way.
            io::ErrorKind::AlreadyExists if !path.is_dir() => Self::NotADirectory { path },
            _ => Self::Io { path, source },
        }
    }

    /// Returns the short stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotADirectory { .. } => "engine-not-a-directory",
            Self::NotWritable { .. } => "engine-not-writable",
            Self::StorageFull { .. } => "engine-storage-full",
            Self::Io { .. } => "engine-io",
            Self::DirectoryLocked { .. } => "engine-directory-locked",
            Self::IncompatibleData { .. } => "engine-incompatible-data",
            Self::DamagedData { .. } => "engine-damaged-data",
            Self::CacheUnavailable { .. } => "engine-cache-unavailable",
            Self::NoSocketDirectory { .. } => "engine-no-socket-directory",
            Self::Start { .. } => "engine-start",
            Self::Stop { .. } => "engine-stop",
            Self::Program { .. } | Self::ProgramFailed { .. } => "engine-program",
            Self::NoUnprivilegedUser { .. } => "engine-no-unprivileged-user",
        }
    }

    /// Returns the facts behind the error, if there are more than its first line tells.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        match self {
            Self::NotADirectory { .. } | Self::StorageFull { .. } => None,
            Self::NotWritable { source, .. }
            | Self::Io { source, .. }
            | Self::NoSocketDirectory { source }
            | Self::Program { source, .. } => Some(source.to_string()),
            Self::DirectoryLocked { holder, waited, .. } => {
                let holder = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
                Some(format!("{holder} still held it after {} s; one process at a time can use it", waited.as_secs()))
            }
            Self::IncompatibleData { .. } => {
                Some("a data directory can be read only by the major version that made it".to_owned())
            }
            Self::DamagedData { reason, .. }
            | Self::CacheUnavailable { reason }
            | Self::Start { reason, .. }
            | Self::NoUnprivilegedUser { reason }
            | Self::ProgramFailed { output: reason, .. } => Some(reason.clone()),
            Self::Stop { .. } => Some("a client is still connected, or a statement is still running".to_owned()),
        }
    }

    /// Returns one thing to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NotADirectory { path } => {
                format!("move {} out of the way, or work in another directory", path.display())
            }
            Self::NotWritable { path, .. } => {
                format!("make {} writable for this user, or work in another directory", path.display())
            }
            Self::StorageFull { .. } => {
                "make room (a new database needs 100 MB), then run the same command again".to_owned()
            }
            Self::Io { path, .. } => format!("look at {} and run the same command again", path.display()),
            Self::DirectoryLocked { .. } => {
                "wait for the other process to end, then run the same command again".to_owned()
            }
            Self::IncompatibleData { path, .. } | Self::DamagedData { path, .. } => format!(
                "move {} away to begin with an empty database, or name a server with --database-url",
                path.display()
            ),
            Self::CacheUnavailable { .. } => {
                "set XDG_CACHE_HOME to a writable directory with 150 MB of room, then run the same command again"
                    .to_owned()
            }
            Self::NoSocketDirectory { .. } => {
                "make /tmp writable for this user, or set TMPDIR to a short, writable directory".to_owned()
            }
            Self::Start { .. } | Self::ProgramFailed { .. } => {
                "repair what it says, or name a server with --database-url".to_owned()
            }
            Self::Stop { .. } => "end the connections to it, then stop it again".to_owned(),
            Self::Program { program, .. } => {
                format!("install PostgreSQL's server programs, or check {}", program.display())
            }
            Self::NoUnprivilegedUser { .. } => "run as another user than root, or create a user postgres".to_owned(),
        }
    }
}
