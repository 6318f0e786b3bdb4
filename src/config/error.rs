//! What can be wrong with the settings.

use std::fmt;

use crate::pg::ConninfoError;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line: the flag without its dashes.
    Flag(&'static str),
    /// The process environment: the variable.
    Environment(String),
    /// A line of the `.env` file.
    EnvFile {
        /// The file as it was given.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The variable.
        variable: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::EnvFile { file, line, variable } => write!(f, "{variable} ({file}:{line})"),
        }
    }
}

/// Why the settings could not be settled. No variant holds a value that may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that the setting cannot take.
    #[error("{origin}: {value:?} is not {expected}")]
    BadValue {
        /// Where the value came from.
        origin: Source,
        /// The value.
        value: String,
        /// What it should have been: "a duration such as 500ms, 60s or 5m".
        expected: String,
    },
    /// A database URL that cannot be read. The URL itself is not kept.
    #[error("{origin}: {cause}")]
    BadUrl {
        /// Where the URL came from.
        origin: Source,
        /// What is wrong with it. It holds nothing secret, and it is the message: not a `source`.
        cause: ConninfoError,
    },
    /// Two settings that exclude each other.
    #[error("{first} and {second} exclude each other")]
    Exclusive {
        /// One.
        first: Source,
        /// The other.
        second: Source,
    },
    /// A variable of the environment that is not UTF-8.
    #[error("environment variable {variable} is not UTF-8")]
    NotUtf8 {
        /// The variable.
        variable: String,
    },
    /// The file named as `.env` file is not there.
    #[error("{origin}: there is no file {file}")]
    EnvFileMissing {
        /// Where the name came from.
        origin: Source,
        /// The file.
        file: String,
    },
    /// A `.env` file that cannot be read.
    #[error("{file} cannot be read: {reason}")]
    EnvFileUnreadable {
        /// The file.
        file: String,
        /// The operating system's reason.
        reason: String,
    },
    /// A `.env` file that is not UTF-8.
    #[error("{file}:{line} is not UTF-8")]
    EnvFileNotUtf8 {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The byte, counted from 0.
        byte: usize,
    },
    /// A line of a `.env` file that is not `NAME=value`. The line is not shown: it may hold a password.
    #[error("{file}:{line} cannot be read as NAME=value")]
    EnvFileMalformed {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
    },
}

impl ConfigError {
    /// Returns the code that `explain` knows.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadValue { .. } | Self::NotUtf8 { .. } | Self::Exclusive { .. } => "bad-setting",
            Self::BadUrl { .. } => "bad-database-url",
            Self::EnvFileMissing { .. } => "env-file-missing",
            Self::EnvFileUnreadable { .. } | Self::EnvFileNotUtf8 { .. } | Self::EnvFileMalformed { .. } => {
                "bad-env-file"
            }
        }
    }

    /// Returns the exit code: 64 where a flag is wrong, 66 where a named file is missing, else 78.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::BadValue { origin: Source::Flag(_), .. }
            | Self::BadUrl { origin: Source::Flag(_), .. }
            | Self::Exclusive { first: Source::Flag(_), second: Source::Flag(_) } => 64,
            Self::EnvFileMissing { .. } => 66,
            _ => 78,
        }
    }

    /// Returns what to do about it: one action that begins with a verb.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::BadValue { origin: Source::Flag(flag), expected, .. } => format!("give --{flag} {expected}"),
            Self::BadValue { origin, expected, .. } => format!("set {origin} to {expected}, or remove it"),
            Self::BadUrl { cause, .. } => cause.help(),
            Self::Exclusive { first, .. } => format!("remove {first} or the other"),
            Self::NotUtf8 { variable } => format!("set {variable} again, or unset it"),
            Self::EnvFileMissing { .. } => "name a file that is there, or leave it out".to_owned(),
            Self::EnvFileUnreadable { file, .. } => {
                format!("make {file} readable, or run with --no-env-file to do without it")
            }
            Self::EnvFileNotUtf8 { file, byte, .. } => {
                format!("save {file} as UTF-8; the first wrong byte is at offset {byte}")
            }
            Self::EnvFileMalformed { .. } => {
                "write NAME=value, and put a value with spaces, $ or # in single quotes".to_owned()
            }
        }
    }
}
