//! Recognises what the server says: the only place that reads its messages.

mod texts;

use std::{fmt, time::Duration};

use diesel::result::{DatabaseErrorKind, Error};

use crate::pg::{LockTimeout, StatementTimeout};

use texts::{Sqlstate, kind_of_text};

/// What went wrong, as far as it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerErrorKind {
    /// 23505 on a table of the user's.
    UniqueViolation,
    /// 23503.
    ForeignKeyViolation,
    /// 23502.
    NotNullViolation,
    /// 23514.
    CheckViolation,
    /// 23P01.
    ExclusionViolation,
    /// 23001.
    RestrictViolation,
    /// A lock was not obtained in time (55P03).
    LockTimeout,
    /// A statement took longer than it may (57014).
    StatementTimeout,
    /// Somebody asked for the statement to stop (57014).
    Canceled,
    /// It was not sent any more: the time given for the run has come.
    TimeUp,
    /// Nothing more was begun, because somebody asked for that.
    Paused,
    /// More old values would be kept than may be.
    KeepsTooMuch,
    /// Nobody's: rows or values would be lost that were not there when they were counted.
    WouldLose,
    /// 40P01.
    Deadlock,
    /// 40001.
    SerializationFailure,
    /// 42501.
    InsufficientPrivilege,
    /// 42P01.
    UndefinedTable,
    /// 42703.
    UndefinedColumn,
    /// A type, function, schema, role or other object does not exist (42704, 42883, 3F000).
    UndefinedObject,
    /// 42P07, 42710, 42701 and their kin.
    DuplicateObject,
    /// 2BP01; also views and generated columns that stand in the way of a change (0A000).
    DependentObjects,
    /// The object is in use in this very session (55006).
    ObjectInUse,
    /// 53100.
    DiskFull,
    /// 53200.
    OutOfMemory,
    /// 53300.
    TooManyConnections,
    /// The server stops or crashed, or somebody ended the session (57P01, 57P02, 57P05, 25P03). Often seen as
    /// [`Self::ConnectionLost`] only: libpq keeps the last of several errors.
    AdminShutdown,
    /// The server is not ready (57P03).
    StartingUp,
    /// The connection is gone (class 08).
    ConnectionLost,
    /// 25006.
    ReadOnlyTransaction,
    /// The transaction failed before (25P02).
    FailedTransaction,
    /// The statement cannot run inside a transaction (25001).
    ActiveTransaction,
    /// A value does not fit its type (class 22).
    InvalidData,
    /// A type does not become another by itself (42804, 42846).
    DatatypeMismatch,
    /// Two sessions changed one catalog row at once (XX000).
    ConcurrentUpdate,
    /// Two sessions created one object at once (23505 on an index of the catalog).
    CatalogRace,
    /// A pooler gave this session's statement to another session (26000, 42P05).
    Pooler,
    /// 42601.
    Syntax,
    /// 0A000.
    FeatureNotSupported,
    /// A new enum value is used in the transaction that added it (55P04).
    InvalidEnumUse,
    /// diesel could not read or write a value: a fault of this program.
    Client,
    /// Anything else.
    Other,
}

impl ServerErrorKind {
    /// Returns whether the connection cannot be used any more.
    #[must_use]
    pub const fn is_connection_lost(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::AdminShutdown | Self::StartingUp)
    }

    /// Returns the code that `explain` knows.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UniqueViolation => "unique-violation",
            Self::ForeignKeyViolation => "foreign-key-violation",
            Self::NotNullViolation => "not-null-violation",
            Self::CheckViolation => "check-violation",
            Self::ExclusionViolation => "exclusion-violation",
            Self::RestrictViolation => "restrict-violation",
            Self::LockTimeout => "lock-timeout",
            Self::StatementTimeout => "statement-timeout",
            Self::Canceled => "canceled",
            Self::TimeUp => "time up",
            Self::Paused => "paused",
            Self::KeepsTooMuch => "keeps-too-much",
            Self::WouldLose => "would-lose",
            Self::Deadlock => "deadlock",
            Self::SerializationFailure => "serialization-failure",
            Self::InsufficientPrivilege => "insufficient-privilege",
            Self::UndefinedTable => "undefined-table",
            Self::UndefinedColumn => "undefined-column",
            Self::UndefinedObject => "undefined-object",
            Self::DuplicateObject => "duplicate-object",
            Self::DependentObjects => "dependent-objects",
            Self::ObjectInUse => "object-in-use",
            Self::DiskFull => "disk-full",
            Self::OutOfMemory => "out-of-memory",
            Self::TooManyConnections => "too-many-connections",
            Self::AdminShutdown => "admin-shutdown",
            Self::StartingUp => "server-starting",
            Self::ConnectionLost => "connection-lost",
            Self::ReadOnlyTransaction => "read-only-transaction",
            Self::FailedTransaction => "failed-transaction",
            Self::ActiveTransaction => "active-transaction",
            Self::InvalidData => "invalid-data",
            Self::DatatypeMismatch => "datatype-mismatch",
            Self::ConcurrentUpdate => "concurrent-update",
            Self::CatalogRace => "catalog-race",
            Self::Pooler => "transaction-pooler",
            Self::Syntax => "syntax",
            Self::FeatureNotSupported => "feature-not-supported",
            Self::InvalidEnumUse => "invalid-enum-use",
            Self::Client => "client",
            Self::Other => "server-error",
        }
    }

    const fn is_about_values(self) -> bool {
        matches!(
            self,
            Self::UniqueViolation
                | Self::ForeignKeyViolation
                | Self::NotNullViolation
                | Self::CheckViolation
                | Self::ExclusionViolation
                | Self::RestrictViolation
                | Self::CatalogRace
        )
    }
}

/// What was sent, and under which limits: where the server speaks another language, what we set tells what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent<'a> {
    /// The statement. A name quoted in an unknown message is shown only where it stands in here.
    pub sql: &'a str,
    /// How long it took to fail.
    pub elapsed: Duration,
    /// The `lock_timeout` that we set, if we did.
    pub lock_timeout: Option<LockTimeout>,
    /// The `statement_timeout` that we set, if we did.
    pub statement_timeout: Option<StatementTimeout>,
}

impl<'a> Sent<'a> {
    /// Returns a statement sent without limits of ours.
    #[must_use]
    pub fn new(sql: &'a str) -> Self {
        Self { sql, ..Self::default() }
    }
}

/// An error of the server, safe to print and to record.
///
/// Promise: holds neither DETAIL, HINT nor CONTEXT, nor a value of a row: of messages about values (SQLSTATE classes 22
/// and 23) and of unknown messages only names remain.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError {
    /// What went wrong.
    pub kind: ServerErrorKind,
    /// The server's message, made safe. In the server's language.
    pub message: String,
    /// Where in the statement, in characters counted from 1.
    pub position: Option<usize>,
    /// The table that the server names, without its schema.
    pub table: Option<String>,
    /// The column that the server names.
    pub column: Option<String>,
    /// The constraint or unique index that the server names.
    pub constraint: Option<String>,
    /// Its SQLSTATE, where it is known: the driver does not hand it on, and the message may be of another language or of a function of the
    /// site.
    pub sqlstate: Option<&'static str>,
    /// Whether it was a limit of ours that ended the statement.
    ours: bool,
}

impl ServerError {
    /// Recognises an error: by diesel's kind, then by the English text, then by what we set.
    #[must_use]
    pub fn recognise(error: &Error, sent: Sent<'_>) -> Self {
        let Error::DatabaseError(diesel_kind, information) = error else {
            let kind = match error {
                Error::BrokenTransactionManager => ServerErrorKind::ConnectionLost,
                Error::RollbackErrorOnCommit { commit_error, .. } => return Self::recognise(commit_error, sent),
                _ => ServerErrorKind::Client,
            };
            return Self::plain(kind, of_client(error));
        };
        let message = without_severity(information.message());
        let (kind, sqlstate) = kind_of(*diesel_kind, message, information.constraint_name(), sent);
        let ours = match kind {
            ServerErrorKind::LockTimeout => sent.lock_timeout.and_then(LockTimeout::limit).is_some(),
            ServerErrorKind::StatementTimeout => sent.statement_timeout.and_then(StatementTimeout::limit).is_some(),
            _ => false,
        };
        let names = [information.table_name(), information.column_name(), information.constraint_name()];
        Self {
            kind,
            message: if may_be_raised(kind, information.statement_position(), sent.sql) {
                RAISED.to_owned()
            } else {
                safe_message(kind, message, names, sent.sql)
            },
            position: information.statement_position().and_then(|position| usize::try_from(position).ok()),
            table: information.table_name().map(str::to_owned),
            column: information.column_name().map(str::to_owned),
            constraint: information.constraint_name().map(str::to_owned),
            sqlstate,
            ours,
        }
    }

    /// What stands for the answer to a statement that was not sent, because a signal came before it.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::plain(ServerErrorKind::Canceled, "interrupted".to_owned())
    }

    /// What stands for the answer to a statement that was not sent, because nothing more is to be begun.
    #[must_use]
    pub fn time_up() -> Self {
        Self::plain(ServerErrorKind::TimeUp, "the time given has come".to_owned())
    }

    /// What stands for the answer to a batch that was not sent, because somebody stopped the backfill.
    #[must_use]
    pub fn paused(id: i64, how: &str) -> Self {
        Self::plain(ServerErrorKind::Paused, format!("backfill {id} {how}"))
    }

    /// What stands for the answer to a statement that is undone, because more old values would be kept in `place` than may be.
    #[must_use]
    pub fn keeps_too_much(place: &str) -> Self {
        Self::plain(ServerErrorKind::KeepsTooMuch, format!("{place} would be larger than `--keep-old-limit` allows"))
    }

    /// What stands for the answer to a statement that was not sent, because something would be lost by it that was not there before.
    #[must_use]
    pub fn would_lose(object: &str) -> Self {
        Self::plain(ServerErrorKind::WouldLose, format!("{object} would be lost"))
    }

    /// What stands for the answer to a statement that was not sent, because its lock would have been waited for in vain.
    #[must_use]
    pub fn not_asked(why: &str) -> Self {
        Self::plain(ServerErrorKind::LockTimeout, why.to_owned())
    }

    fn plain(kind: ServerErrorKind, message: String) -> Self {
        Self { kind, message, position: None, table: None, column: None, constraint: None, sqlstate: None, ours: false }
    }

    /// Returns whether another attempt may succeed, after looking again and, where the connection is lost, connecting
    /// anew. An unknown error is never worth one, and a statement's time-out only if we set it.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self.kind {
            ServerErrorKind::LockTimeout
            | ServerErrorKind::Deadlock
            | ServerErrorKind::SerializationFailure
            | ServerErrorKind::ConcurrentUpdate
            | ServerErrorKind::CatalogRace
            | ServerErrorKind::TooManyConnections
            | ServerErrorKind::AdminShutdown
            | ServerErrorKind::StartingUp
            | ServerErrorKind::ConnectionLost => true,
            ServerErrorKind::StatementTimeout => self.ours,
            _ => false,
        }
    }

    /// Returns whether somebody else may have made or dropped meanwhile what the statement is about: a new look says.
    #[must_use]
    pub const fn may_be_overtaken(&self) -> bool {
        matches!(
            self.kind,
            ServerErrorKind::UndefinedTable
                | ServerErrorKind::UndefinedColumn
                | ServerErrorKind::UndefinedObject
                | ServerErrorKind::DuplicateObject
        )
    }

    /// Returns whether the connection cannot be used any more.
    #[must_use]
    pub const fn is_connection_lost(&self) -> bool {
        self.kind.is_connection_lost()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerError({:?}, {:?}", self.kind, self.message)?;
        for (what, name) in [("table", &self.table), ("column", &self.column), ("constraint", &self.constraint)] {
            if let Some(name) = name {
                write!(f, ", {what} {name}")?;
            }
        }
        f.write_str(")")
    }
}

impl std::error::Error for ServerError {}

/// diesel's own errors may repeat a value that could not be read; only their kind is shown.
fn of_client(error: &Error) -> String {
    match error {
        Error::NotFound => "a query returned no row".to_owned(),
        Error::BrokenTransactionManager => "the connection was lost within a transaction".to_owned(),
        Error::InvalidCString(_) => "a statement holds a NUL character".to_owned(),
        Error::QueryBuilderError(_) => "a query could not be built".to_owned(),
        Error::DeserializationError(_) => "a value from the server could not be read".to_owned(),
        Error::SerializationError(_) => "a value could not be sent to the server".to_owned(),
        Error::AlreadyInTransaction => "a transaction is open already".to_owned(),
        Error::NotInTransaction => "no transaction is open".to_owned(),
        _ => "the client library failed".to_owned(),
    }
}

/// Cuts `FATAL:  ` off: where libpq joins two errors, diesel gets them as libpq would print them.
fn without_severity(message: &str) -> &str {
    match message.split_once(":  ") {
        Some((severity, rest)) if !severity.contains(char::is_whitespace) => rest,
        _ => message,
    }
}

/// Returns what went wrong, and its SQLSTATE as far as that is known: diesel tells the kinds that it has a name for, and the text of
/// each other one stands for its SQLSTATE.
fn kind_of(
    diesel_kind: DatabaseErrorKind,
    message: &str,
    constraint: Option<&str>,
    sent: Sent<'_>,
) -> (ServerErrorKind, Option<Sqlstate>) {
    let known = match diesel_kind {
        // SQLSTATE 23505 names its constraint; those of the catalog begin with pg_, which users cannot choose in
        // pg_catalog, but can elsewhere: the schema is not handed out, and a retry is harmless.
        DatabaseErrorKind::UniqueViolation => {
            let on_catalog = |name: &str| name.starts_with("pg_") && name.ends_with("_index");
            let in_text = || message.split('"').any(on_catalog);
            if constraint.map_or_else(in_text, on_catalog) {
                (ServerErrorKind::CatalogRace, "23505")
            } else {
                (ServerErrorKind::UniqueViolation, "23505")
            }
        }
        DatabaseErrorKind::ForeignKeyViolation => (ServerErrorKind::ForeignKeyViolation, "23503"),
        DatabaseErrorKind::NotNullViolation => (ServerErrorKind::NotNullViolation, "23502"),
        DatabaseErrorKind::CheckViolation => (ServerErrorKind::CheckViolation, "23514"),
        DatabaseErrorKind::ExclusionViolation => (ServerErrorKind::ExclusionViolation, "23P01"),
        DatabaseErrorKind::RestrictViolation => (ServerErrorKind::RestrictViolation, "23001"),
        DatabaseErrorKind::SerializationFailure => (ServerErrorKind::SerializationFailure, "40001"),
        DatabaseErrorKind::ReadOnlyTransaction => (ServerErrorKind::ReadOnlyTransaction, "25006"),
        // The text may say more: who ended the session.
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            let told = kind_of_text(message).filter(|(kind, _)| kind.is_connection_lost());
            told.unwrap_or((ServerErrorKind::ConnectionLost, "08006"))
        }
        _ => match kind_of_text(message).or_else(|| kind_of_limits(message, sent)) {
            Some(known) => known,
            None => return (ServerErrorKind::Other, None),
        },
    };
    (known.0, Some(known.1))
}

/// A message that is not English, after as long as we allowed: it was the limit.
fn kind_of_limits(message: &str, sent: Sent<'_>) -> Option<(ServerErrorKind, Sqlstate)> {
    // In an English message the text has decided.
    if message.is_ascii() && message.split_whitespace().any(|word| ["the", "is", "not", "of", "cannot"].contains(&word))
    {
        return None;
    }
    // The server's clock starts a little later than ours and ends a little earlier.
    let reached = |limit: Option<Duration>| limit.filter(|limit| sent.elapsed >= *limit);
    let lock = reached(sent.lock_timeout.and_then(LockTimeout::limit));
    let statement = reached(sent.statement_timeout.and_then(StatementTimeout::limit));
    match (lock, statement) {
        (_, Some(_)) => Some((ServerErrorKind::StatementTimeout, "57014")),
        (Some(_), None) => Some((ServerErrorKind::LockTimeout, "55P03")),
        (None, None) => None,
    }
}

/// Opening and closing quotation marks of PostgreSQL's message catalogues.
const QUOTES: [(char, char); 8] =
    [('"', '"'), ('»', '«'), ('«', '»'), ('„', '“'), ('“', '”'), ('„', '”'), ('「', '」'), ('\'', '\'')];

/// What is shown in the place of a message that a function of the site wrote.
const RAISED: &str =
    "a trigger, a rule or a function has refused it; its message may hold values and stands in the server's log";

/// Returns whether a message may come from `RAISE` in a function that saw rows: diesel does not hand out the SQLSTATE, but
/// the server's own complaints about a data statement are known, or say where in the statement the fault is.
fn may_be_raised(kind: ServerErrorKind, position: Option<i32>, sql: &str) -> bool {
    let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let changes_rows =
        ["UPDATE", "INSERT", "DELETE", "MERGE", "WITH"].iter().any(|verb| word.eq_ignore_ascii_case(verb));
    kind == ServerErrorKind::Other && position.is_none() && changes_rows
}

/// Returns the message without anything that may be a value of a row.
fn safe_message(kind: ServerErrorKind, message: &str, names: [Option<&str>; 3], sql: &str) -> String {
    // A function may raise an error with several lines.
    let message = message.lines().next().unwrap_or_default();
    match kind {
        ServerErrorKind::InvalidData => without_values(message),
        // `RAISE` can borrow any SQLSTATE with any text; what is quoted in the server's own texts are names.
        _ if kind.is_about_values() => keep_quoted(message, |quoted| {
            names.contains(&Some(quoted)) || sql.contains(quoted) || in_known_text(message)
        }),
        ServerErrorKind::Other => keep_quoted(message, |quoted| names.contains(&Some(quoted)) || sql.contains(quoted)),
        _ => message.to_owned(),
    }
}

/// The server's own messages of class 23: they quote relations, columns and constraints only.
fn in_known_text(message: &str) -> bool {
    [
        "duplicate key value violates unique constraint ",
        "could not create unique index ",
        "insert or update on table ",
        "update or delete on table ",
        "null value in column ",
        "column ",
        "new row for relation ",
        "check constraint ",
        "partition constraint ",
        "conflicting key value violates exclusion constraint ",
        "could not create exclusion constraint ",
        "no partition of relation ",
        "domain ",
        "value for domain ",
    ]
    .iter()
    .any(|text| message.starts_with(text))
}

/// Cuts everything from the first quotation mark to the last, which may stand inside a value, and numbers of bytes.
///
/// `invalid input syntax for type numeric: "abc"` becomes `invalid input syntax for type numeric`.
fn without_values(message: &str) -> String {
    // The encoding's name is quoted too, and what follows the colon are the bytes.
    for (start, short) in [
        ("invalid byte sequence for encoding ", "invalid byte sequence for the encoding"),
        ("character with byte sequence ", "a character has no equivalent in the encoding"),
        ("invalid regular expression", "invalid regular expression"),
    ] {
        if message.starts_with(start) {
            return short.to_owned();
        }
    }
    let mut text = message.to_owned();
    if let Some(first) = text.find('"') {
        let last = text.rfind('"').filter(|last| *last > first).map_or(text.len(), |last| last + 1);
        text.replace_range(first..last, "…");
    }
    for end in [": …", " …"] {
        if let Some(rest) = text.strip_suffix(end) {
            return rest.to_owned();
        }
    }
    // `setval: value 5 is out of bounds`, `bit string length 5 does not match type bit(3)`: numbers are values too, but
    // for those of a type's modifier.
    let mut safe = String::with_capacity(text.len());
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end_matches([' ', ',', ':', ';', ')']);
        let is_number = bare.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')
            && bare.chars().all(|c| c.is_ascii_alphanumeric() || ".+-:/".contains(c));
        if is_number {
            safe.push('…');
            safe.push_str(&word[bare.len()..]);
        } else {
            safe.push_str(word);
        }
    }
    safe
}

/// Replaces what is quoted by `…`, unless `keep` says that it is a name.
fn keep_quoted(message: &str, keep: impl Fn(&str) -> bool) -> String {
    let mut safe = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(|c| QUOTES.iter().any(|(open, _)| *open == c)) {
        let open = rest[start..].chars().next().unwrap_or('"');
        let after = start + open.len_utf8();
        // An apostrophe inside a word quotes nothing.
        if open == '\'' && rest[..start].ends_with(char::is_alphanumeric) {
            safe.push_str(&rest[..after]);
            rest = &rest[after..];
            continue;
        }
        let is_close = |c: char| QUOTES.iter().any(|(opening, closing)| *opening == open && *closing == c);
        let end = rest[after..].find(is_close).map(|end| after + end);
        let quoted = rest[after..end.unwrap_or(rest.len())].trim_matches([' ', '\u{a0}', '\u{202f}']);
        let whole_end = end.map_or(rest.len(), |end| end + rest[end..].chars().next().map_or(0, char::len_utf8));
        safe.push_str(&rest[..start]);
        if !quoted.is_empty() && keep(quoted) {
            safe.push_str(&rest[start..whole_end]);
        } else {
            safe.push('…');
        }
        rest = &rest[whole_end..];
    }
    safe.push_str(rest);
    safe
}

#[cfg(test)]
mod tests {
    use diesel::result::DatabaseErrorInformation;

    use super::*;

    struct Information(&'static str, Option<&'static str>);

    impl DatabaseErrorInformation for Information {
        fn message(&self) -> &str {
            self.0
        }
        fn details(&self) -> Option<&str> {
            Some("Key (email)=(geheim@example.org) already exists.")
        }
        fn hint(&self) -> Option<&str> {
            Some("geheim")
        }
        fn table_name(&self) -> Option<&str> {
            None
        }
        fn column_name(&self) -> Option<&str> {
            None
        }
        fn constraint_name(&self) -> Option<&str> {
            self.1
        }
        fn statement_position(&self) -> Option<i32> {
            Some(8)
        }
    }

    fn recognise(kind: DatabaseErrorKind, text: &'static str, sent: Sent<'_>) -> ServerError {
        ServerError::recognise(&Error::DatabaseError(kind, Box::new(Information(text, None))), sent)
    }

    fn check(text: &'static str, kind: ServerErrorKind, shown: &str) {
        let error = recognise(DatabaseErrorKind::Unknown, text, Sent::new("ALTER TABLE users"));
        assert_eq!((error.kind, error.message.as_str()), (kind, shown), "{text}");
        assert!(!format!("{error} {error:?}").contains("geheim"));
    }

    #[test]
    fn messages_are_recognised() {
        use ServerErrorKind as Kind;
        for (text, kind) in [
            ("canceling statement due to lock timeout", Kind::LockTimeout),
            ("could not obtain lock on relation \"users\"", Kind::LockTimeout),
            ("canceling statement due to statement timeout", Kind::StatementTimeout),
            ("canceling statement due to user request", Kind::Canceled),
            ("deadlock detected", Kind::Deadlock),
            ("terminating connection due to administrator command", Kind::AdminShutdown),
            ("terminating connection due to idle-in-transaction timeout", Kind::AdminShutdown),
            ("the database system is in recovery mode", Kind::StartingUp),
            ("could not extend file \"base/5/16384\": No space left on device", Kind::DiskFull),
            ("could not extend file \"base/5/16384\": wrote only 4096 of 8192 bytes at block 0", Kind::DiskFull),
            ("tuple concurrently updated", Kind::ConcurrentUpdate),
            ("unsafe use of new value \"late\" of enum type leave_status", Kind::InvalidEnumUse),
            ("permission denied for schema public", Kind::InsufficientPrivilege),
            ("must be owner of table users", Kind::InsufficientPrivilege),
            ("relation \"users\" does not exist", Kind::UndefinedTable),
            ("column \"a\" of relation \"users\" does not exist", Kind::UndefinedColumn),
            ("column u.a does not exist", Kind::UndefinedColumn),
            ("type \"leave_status\" does not exist", Kind::UndefinedObject),
            ("function now2() does not exist", Kind::UndefinedObject),
            ("relation \"users\" already exists", Kind::DuplicateObject),
            ("column \"a\" of relation \"users\" already exists", Kind::DuplicateObject),
            ("constraint \"c\" for relation \"users\" already exists", Kind::DuplicateObject),
            ("cannot drop table users because other objects depend on it", Kind::DependentObjects),
            ("cannot alter type of a column used by a view or rule", Kind::DependentObjects),
            ("cannot ALTER TABLE \"users\" because it has pending trigger events", Kind::ObjectInUse),
            ("column \"a\" cannot be cast automatically to type integer", Kind::DatatypeMismatch),
            ("syntax error at or near \"TABEL\"", Kind::Syntax),
            ("cannot execute ALTER TABLE in a read-only transaction", Kind::ReadOnlyTransaction),
            ("CREATE INDEX CONCURRENTLY cannot run inside a transaction block", Kind::ActiveTransaction),
            ("prepared statement \"__diesel_stmt_0\" does not exist", Kind::Pooler),
            ("unnamed prepared statement does not exist", Kind::Pooler),
            ("unique constraint on partitioned table is not supported", Kind::FeatureNotSupported),
        ] {
            check(text, kind, text);
        }
    }

    #[test]
    fn values_are_cut_out_of_messages() {
        use ServerErrorKind::{InvalidData, Other};
        check(
            "invalid input syntax for type numeric: \"geheim\"",
            InvalidData,
            "invalid input syntax for type numeric",
        );
        check("invalid input value for enum e: \"gehe\"im\"", InvalidData, "invalid input value for enum e");
        check(
            "value \"99999999999\" is out of range for type integer",
            InvalidData,
            "value … is out of range for type integer",
        );
        check(
            "value too long for type character varying(5)",
            InvalidData,
            "value too long for type character varying(5)",
        );
        check("date/time field value out of range: \"1990-13-01\"", InvalidData, "date/time field value out of range");
        check(
            "invalid byte sequence for encoding \"UTF8\": 0xe4 0x20",
            InvalidData,
            "invalid byte sequence for the encoding",
        );
        check(
            "setval: value 17 is out of bounds for sequence \"s\" (1..9)",
            InvalidData,
            "setval: value … is out of bounds for sequence … (1..9)",
        );
        check("user \"geheim\" is too old", Other, "user … is too old");
        check("trigger on \"users\" says no", Other, "trigger on \"users\" says no");
        check("ungültige Eingabe für Typ numeric: »geheim«", Other, "ungültige Eingabe für Typ numeric: …");
        check("don't do this to 'geheim'", Other, "don't do this to …");
    }

    #[test]
    fn violations_name_constraints_and_no_values() {
        let text = "duplicate key value violates unique constraint \"ux_users_email\"";
        let error = recognise(DatabaseErrorKind::UniqueViolation, text, Sent::default());
        assert_eq!((error.kind, error.message.as_str()), (ServerErrorKind::UniqueViolation, text));
        assert_eq!(error.position, Some(8));
        let raised = recognise(DatabaseErrorKind::UniqueViolation, "there is a \"geheim\" already", Sent::default());
        assert_eq!(raised.message, "there is a … already");
        let race = "duplicate key value violates unique constraint \"pg_type_typname_nsp_index\"";
        let race = recognise(DatabaseErrorKind::UniqueViolation, race, Sent::default());
        assert_eq!(race.kind, ServerErrorKind::CatalogRace);
        assert!(race.is_retryable() && !error.is_retryable());
    }

    #[test]
    fn in_another_language_our_limits_tell_what_happened() {
        let text = "storniere Anfrage wegen Zeitüberschreitung";
        let sent = |elapsed, statement| Sent {
            elapsed: Duration::from_millis(elapsed),
            lock_timeout: Some(LockTimeout::from_millis(100)),
            statement_timeout: Some(StatementTimeout::from_millis(statement)),
            ..Sent::default()
        };
        let kind = |sent| recognise(DatabaseErrorKind::Unknown, text, sent).kind;
        assert_eq!(kind(sent(101, 5_000)), ServerErrorKind::LockTimeout);
        assert_eq!(kind(sent(5_001, 5_000)), ServerErrorKind::StatementTimeout);
        assert_eq!(kind(sent(50, 5_000)), ServerErrorKind::Other);
        assert_eq!(kind(sent(101, 0)), ServerErrorKind::LockTimeout);
    }

    #[test]
    fn a_statement_timeout_is_retried_only_where_we_set_it() {
        let text = "canceling statement due to statement timeout";
        let sent = Sent { statement_timeout: Some(StatementTimeout::from_millis(5)), ..Sent::default() };
        assert!(recognise(DatabaseErrorKind::Unknown, text, sent).is_retryable());
        assert!(!recognise(DatabaseErrorKind::Unknown, text, Sent::default()).is_retryable());
    }

    #[test]
    fn a_lost_connection_says_who_ended_it_where_that_is_known() {
        let kind = |text| recognise(DatabaseErrorKind::ClosedConnection, text, Sent::default()).kind;
        assert_eq!(kind("terminating connection due to administrator command"), ServerErrorKind::AdminShutdown);
        let joined = "FATAL:  terminating connection due to administrator command\nserver closed the connection";
        assert_eq!(kind(joined), ServerErrorKind::AdminShutdown);
        assert_eq!(kind("breche Verbindung ab"), ServerErrorKind::ConnectionLost);
        assert!(kind("x").is_connection_lost());
    }
}
