//! Every room's errors as messages.

use crate::{
    config::{ConfigError, Source},
    db::{ConnectError, ConnectErrorKind, ServerError, ServerErrorKind, SnapshotError},
    diagnostic::{Code, Diagnostic},
    process::BackupError,
    script::{Script, ScriptError, ScriptId, Span},
    sql::SqlError,
};

/// A script that could not be read from its file.
pub(super) fn of_file(error: &ScriptError) -> Diagnostic {
    let code = match error {
        ScriptError::NoNumber { .. } => Code::BadScriptName,
        ScriptError::SameNumber { .. } => Code::DuplicateNumber,
        ScriptError::NotUtf8 { .. } | ScriptError::Utf16 { .. } => Code::BadEncoding,
        ScriptError::TooLarge { .. } => Code::ScriptTooLarge,
    };
    Diagnostic::error(code, error.to_string()).why("nothing was sent to the database").help(error.help())
}

/// A script that is not SQL.
pub(super) fn of_sql(scripts: &[Script], id: ScriptId, error: &SqlError) -> Diagnostic {
    let code = match error.code() {
        "nul-byte" => Code::NulByte,
        "byte-order-mark-inside" => Code::ByteOrderMark,
        "nested-too-deeply" => Code::NestedTooDeeply,
        "psql-command" => Code::PsqlCommand,
        "unknown-directive" => Code::UnknownDirective,
        "bad-directive-value" | "misplaced-directive" | "duplicate-directive" => Code::BadDirective,
        "identifier-too-long" => Code::NameTooLong,
        "statement-too-large" => Code::ScriptTooLarge,
        _ => Code::SyntaxError,
    };
    let mut diagnostic = Diagnostic::error(code, error.to_string());
    if let Some(script) = scripts.get(id.0) {
        diagnostic = diagnostic.at(script, error.span(), "");
        if let Some((span, words)) = error.related() {
            diagnostic = diagnostic.why(format!("{words}: {}", script.location(span.start)));
        }
    }
    diagnostic.why("nothing was sent to the database").help(error.help())
}

/// A connection that could not be made.
#[must_use]
pub fn of_connect(error: &ConnectError) -> Diagnostic {
    let code = match error.kind {
        ConnectErrorKind::UnknownHost => Code::UnknownHost,
        ConnectErrorKind::Refused => Code::ConnectionRefused,
        ConnectErrorKind::TimedOut => Code::ConnectionTimeout,
        ConnectErrorKind::SocketMissing => Code::SocketMissing,
        ConnectErrorKind::StartingUp => Code::ServerStarting,
        ConnectErrorKind::TooManyConnections => Code::TooManyConnections,
        ConnectErrorKind::WrongPassword | ConnectErrorKind::NoPassword => Code::WrongPassword,
        ConnectErrorKind::MissingDatabase => Code::DatabaseMissing,
        ConnectErrorKind::MissingRole => Code::RoleMissing,
        ConnectErrorKind::SessionAttributes => Code::Standby,
        ConnectErrorKind::ServerClosed => Code::ConnectionLost,
        other => match other.class() {
            crate::db::ConnectClass::Unreachable => Code::CannotConnect,
            crate::db::ConnectClass::Access => Code::NotAdmitted,
            crate::db::ConnectClass::Unfit => Code::TransactionPooler,
            crate::db::ConnectClass::Configuration if other.code().contains("tls") => Code::TlsFailed,
            crate::db::ConnectClass::Configuration => Code::BadUrl,
        },
    };
    Diagnostic::error(code, error.what()).why(error.why()).help(error.help())
}

/// Settings that cannot be used.
#[must_use]
pub fn of_config(error: &ConfigError) -> Diagnostic {
    let code = match error {
        ConfigError::BadUrl { origin: Source::Flag(_), .. } => Code::Usage,
        ConfigError::BadUrl { .. } => Code::BadUrl,
        ConfigError::EnvFileMissing { .. } => Code::FileMissing,
        _ if error.exit_code() == 64 => Code::Usage,
        _ => Code::BadSetting,
    };
    Diagnostic::error(code, error.to_string()).help(error.help())
}

/// The embedded engine that does not start.
#[cfg(feature = "embedded")]
pub(super) fn of_engine(error: &crate::engine::EngineError) -> Diagnostic {
    let code = if matches!(error, crate::engine::EngineError::DirectoryLocked { .. }) {
        Code::EngineLocked
    } else {
        Code::EngineFailed
    };
    let mut diagnostic = Diagnostic::error(code, error.to_string());
    diagnostic.why.extend(error.why());
    diagnostic.help(error.help())
}

/// A scratch database that there is not: why, and what to do.
pub(super) fn of_scratch(why: Vec<String>, help: impl Into<String>) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(Code::NoScratch, "there is no scratch database to rehearse on");
    diagnostic.why = why;
    diagnostic.help(help)
}

/// A backup that could not be made.
pub(super) fn of_backup(error: &BackupError) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::BackupFailed, error.to_string());
    match error {
        BackupError::NoProgram { source, .. } => diagnostic
            .why(source.to_string())
            .help("install PostgreSQL's client programs, or name one: `--pg-dump /usr/lib/postgresql/17/bin/pg_dump`"),
        BackupError::TooOld { server, .. } => {
            diagnostic.why("pg_dump reads servers of its own major version and older ones").help(format!(
                "install the client programs of PostgreSQL {server} or later, or name them with `--pg-dump`"
            ))
        }
        BackupError::Exists { .. } => diagnostic
            .why("a backup never overwrites anything")
            .help("name a file that is not there, or a directory: each backup gets a name of its own there"),
        BackupError::Io { source, .. } => {
            diagnostic.why(source.to_string()).help("name a file in a directory that is there and can be written")
        }
        BackupError::Secret { .. } => diagnostic
            .why("it has no environment variable, and a service is named already")
            .help("put it into the service file"),
        BackupError::Failed { says, .. } => says
            .iter()
            .fold(diagnostic, |diagnostic, line| diagnostic.why(format!("it says: {line}")))
            .help("correct what it says, then run again; the role has to read every table (pg_read_all_data)"),
        BackupError::Stopped(_) => diagnostic.help("run again"),
    }
}

/// The code of a server's error.
pub(super) const fn code_of(kind: ServerErrorKind) -> Code {
    match kind {
        ServerErrorKind::LockTimeout
        | ServerErrorKind::Deadlock
        | ServerErrorKind::SerializationFailure
        | ServerErrorKind::ConcurrentUpdate
        | ServerErrorKind::CatalogRace => Code::LockTimeout,
        ServerErrorKind::StatementTimeout => Code::StatementTimeout,
        ServerErrorKind::DiskFull => Code::DiskFull,
        ServerErrorKind::ReadOnlyTransaction => Code::ReadOnlyServer,
        ServerErrorKind::InsufficientPrivilege => Code::PermissionDenied,
        ServerErrorKind::TooManyConnections => Code::TooManyConnections,
        ServerErrorKind::ConnectionLost | ServerErrorKind::AdminShutdown | ServerErrorKind::StartingUp => {
            Code::ConnectionLost
        }
        ServerErrorKind::Pooler => Code::TransactionPooler,
        _ => Code::StatementFailed,
    }
}

/// An error of the server while nothing of a script was sent.
pub(super) fn of_server(what: &str, error: &ServerError) -> Diagnostic {
    Diagnostic::error(code_of(error.kind), what).why(format!("the server says: {error}")).help(help_of(error.kind))
}

/// A pooler behind which nothing can be changed.
pub(super) fn of_pooler(what: &str) -> Diagnostic {
    Diagnostic::error(Code::TransactionPooler, what)
        .why("locks and settings of a session do not hold behind it; nothing was changed")
        .help(help_of(ServerErrorKind::Pooler))
}

/// A catalog that could not be read.
pub(super) fn of_snapshot(error: &SnapshotError) -> Diagnostic {
    match error {
        SnapshotError::Server(server) => of_server("the catalog could not be read", server),
        SnapshotError::Content(_) => Diagnostic::error(Code::StatementFailed, error.to_string())
            .help("report this, with the server's version; nothing was changed"),
    }
}

/// What to do about an error of the server.
pub(super) const fn help_of(kind: ServerErrorKind) -> &'static str {
    match kind {
        ServerErrorKind::LockTimeout => {
            "end the transactions that are in the way, then run again; it goes on where it stopped"
        }
        ServerErrorKind::StatementTimeout => "raise `--statement-timeout`, or allow the hazard in the script",
        ServerErrorKind::DiskFull => "make room on the server's disk, then run again; it goes on where it stopped",
        ServerErrorKind::InsufficientPrivilege => "grant the right, or run as the owner",
        ServerErrorKind::ConnectionLost | ServerErrorKind::AdminShutdown | ServerErrorKind::StartingUp => {
            "run again when the server is back; it goes on where it stopped"
        }
        ServerErrorKind::Pooler => "connect to the server itself, or to a pool in session mode",
        ServerErrorKind::UniqueViolation => "merge or correct the rows that share a key, then run again",
        ServerErrorKind::ForeignKeyViolation => "correct the rows that refer to nothing, then run again",
        ServerErrorKind::NotNullViolation => "fill the NULLs, then run again",
        ServerErrorKind::CheckViolation => "correct the rows that violate the check, then run again",
        ServerErrorKind::InvalidData => "correct the values that do not convert, then run again",
        ServerErrorKind::DependentObjects => {
            "drop what depends on it in an earlier statement, and make it again after it"
        }
        _ => "correct the statement, then run again; it goes on where it stopped",
    }
}

/// A step that the server refused: the place in the script as exactly as the server tells it.
pub(super) fn of_step(
    scripts: &[Script],
    step: &crate::plan::Step,
    error: &ServerError,
    done: Option<String>,
) -> Diagnostic {
    let what = match error.kind {
        ServerErrorKind::LockTimeout => {
            let table = step.table.as_ref().map_or_else(|| step.object.clone(), |table| format!("table {table}"));
            format!("{table} could not be locked in time")
        }
        _ => format!("{}: {error}", step.object),
    };
    let mut diagnostic = Diagnostic::error(code_of(error.kind), what);
    if let Some(script) = scripts.get(step.statement.script.0) {
        let byte = error.position.and_then(|position| step.script_byte(position));
        let span = byte.map_or_else(
            || {
                let text = script.slice(step.span);
                Span::new(step.span.start, step.span.start + text.find('\n').unwrap_or(text.len()))
            },
            |byte| {
                let word = script.text[byte..]
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .filter(|length| *length > 0)
                    .unwrap_or(1);
                Span::new(byte, byte + word)
            },
        );
        let label = step.lock.map(|mode| format!("needs {mode}, which {}", mode.stops())).unwrap_or_default();
        let label = if error.kind == ServerErrorKind::LockTimeout { label } else { String::new() };
        diagnostic = diagnostic.at(script, span, label);
    }
    diagnostic = diagnostic.why(format!("the server says: {error}")).why(format!("sent was: {}", shortened(&step.sql)));
    diagnostic.done = done;
    diagnostic.help(help_of(error.kind))
}

/// The beginning of a statement, on one line.
fn shortened(sql: &str) -> String {
    const MOST: usize = 160;
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}
