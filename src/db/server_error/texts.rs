//! The server's messages in English, and what they mean.

use super::ServerErrorKind;

/// Beginnings, ends and parts of English messages, each with its SQLSTATE.
enum Text {
    Starts(&'static str, Sqlstate),
    Ends(&'static str, Sqlstate),
    Has(&'static str, Sqlstate),
    /// How it begins and how it ends.
    Frames(&'static str, &'static str, Sqlstate),
}

/// Five characters, as in the manual's appendix "PostgreSQL Error Codes".
pub(super) type Sqlstate = &'static str;

impl Text {
    /// Returns the SQLSTATE of a message, if it is this one.
    fn of(&self, message: &str) -> Option<Sqlstate> {
        let (fits, sqlstate) = match self {
            Self::Starts(text, sqlstate) => (message.starts_with(text), *sqlstate),
            Self::Ends(text, sqlstate) => (message.ends_with(text), *sqlstate),
            Self::Has(text, sqlstate) => (message.contains(text), *sqlstate),
            Self::Frames(start, end, sqlstate) => (message.starts_with(start) && message.ends_with(end), *sqlstate),
        };
        fits.then_some(sqlstate)
    }
}

/// Messages and what they mean, the more particular first.
///
/// Source: `ereport` calls of PostgreSQL 13 to 18; the texts of libpq 18.
const TEXTS: &[(ServerErrorKind, &[Text])] = {
    use Text::{Ends, Frames, Has, Starts};
    &[
        (
            ServerErrorKind::LockTimeout,
            &[Starts("canceling statement due to lock timeout", "55P03"), Starts("could not obtain lock on ", "55P03")],
        ),
        (ServerErrorKind::StatementTimeout, &[Starts("canceling statement due to statement timeout", "57014")]),
        (
            ServerErrorKind::SerializationFailure,
            &[
                Starts("canceling statement due to conflict with recovery", "40001"),
                Starts("could not serialize access", "40001"),
            ],
        ),
        (ServerErrorKind::Canceled, &[Starts("canceling ", "57014")]),
        (ServerErrorKind::Deadlock, &[Starts("deadlock detected", "40P01")]),
        (
            ServerErrorKind::Pooler,
            &[
                Frames("prepared statement ", " already exists", "42P05"),
                Starts("prepared statement ", "26000"),
                Starts("unnamed prepared statement ", "26000"),
            ],
        ),
        (
            ServerErrorKind::AdminShutdown,
            &[
                Starts("terminating connection due to idle-in-transaction timeout", "25P03"),
                Starts("terminating connection due to transaction timeout", "25P04"),
                Starts("terminating connection due to idle-session timeout", "57P05"),
                Starts("terminating connection because of crash of another server process", "57P02"),
                Starts("terminating connection due to conflict with recovery", "40001"),
                Starts("terminating connection", "57P01"),
                Starts("terminating background worker", "57P01"),
                Starts("the database system is shutting down", "57P03"),
            ],
        ),
        (ServerErrorKind::StartingUp, &[Starts("the database system is ", "57P03")]),
        (
            ServerErrorKind::ConnectionLost,
            &[
                Has("server closed the connection unexpectedly", "08006"),
                Starts("no connection to the server", "08003"),
                Starts("connection not open", "08003"),
                Starts("could not receive data from", "08006"),
                Starts("could not send data to", "08006"),
                Has("SSL connection has been closed unexpectedly", "08006"),
                Has("SSL SYSCALL error", "08006"),
                Has("Connection reset by peer", "08006"),
                Has("Broken pipe", "08006"),
                Starts("lost synchronization with server", "08P01"),
                // PgBouncer, when its server goes away.
                Starts("server conn crashed", "08P01"),
            ],
        ),
        (
            ServerErrorKind::DiskFull,
            &[
                Has("No space left on device", "53100"),
                Has("Disk quota exceeded", "53100"),
                Has(": wrote only ", "53100"),
            ],
        ),
        (ServerErrorKind::OutOfMemory, &[Starts("out of memory", "53200"), Starts("out of shared memory", "53200")]),
        (
            ServerErrorKind::TooManyConnections,
            &[
                Starts("sorry, too many clients already", "53300"),
                Starts("remaining connection slots are reserved", "53300"),
                Starts("too many connections for ", "53300"),
            ],
        ),
        (
            ServerErrorKind::ConcurrentUpdate,
            &[
                Starts("tuple concurrently ", "XX000"),
                Starts("tuple already updated by self", "XX000"),
                Starts("could not find tuple for ", "XX000"),
                Starts("cache lookup failed for ", "XX000"),
            ],
        ),
        (ServerErrorKind::InvalidEnumUse, &[Starts("unsafe use of new value ", "55P04")]),
        (ServerErrorKind::FailedTransaction, &[Starts("current transaction is aborted", "25P02")]),
        (
            ServerErrorKind::ActiveTransaction,
            &[
                Ends("cannot run inside a transaction block", "25001"),
                Ends("cannot be executed from a function", "25001"),
                Ends("cannot be executed within a pipeline", "25001"),
            ],
        ),
        (
            ServerErrorKind::ReadOnlyTransaction,
            &[Ends("in a read-only transaction", "25006"), Ends("during recovery", "25006")],
        ),
        (
            ServerErrorKind::InsufficientPrivilege,
            &[
                Starts("permission denied", "42501"),
                Starts("must be owner of", "42501"),
                Starts("must be superuser", "42501"),
                Starts("must be member of role", "42501"),
                Starts("must be able to SET ROLE", "42501"),
                Starts("must have ", "42501"),
                Starts("new row violates row-level security policy", "42501"),
                Starts("query would be affected by row-level security policy", "42501"),
            ],
        ),
        (
            ServerErrorKind::Syntax,
            &[
                Starts("syntax error at ", "42601"),
                Starts("unterminated ", "42601"),
                Starts("trailing junk after ", "42601"),
                Starts("zero-length delimited identifier", "42601"),
            ],
        ),
        (
            ServerErrorKind::DependentObjects,
            &[
                Has("because other objects depend on it", "2BP01"),
                Has("because it is required by", "2BP01"),
                Has("cannot be dropped because some objects depend on it", "2BP01"),
                Starts("cannot alter type of a column used ", "0A000"),
                Starts("cannot drop desired object(s) because other objects depend on them", "2BP01"),
            ],
        ),
        (
            ServerErrorKind::ObjectInUse,
            &[
                Has("because it is being used by active queries in this session", "55006"),
                Has("because it has pending trigger events", "55006"),
                Has("is being accessed by other users", "55006"),
            ],
        ),
        (
            ServerErrorKind::DatatypeMismatch,
            &[
                Has(" cannot be cast automatically to type ", "42804"),
                Starts("cannot cast type ", "42846"),
                Has(" is of type ", "42804"),
                Has(" cannot be implemented", "42804"),
                Starts("default for column ", "42804"),
            ],
        ),
        (
            ServerErrorKind::InvalidData,
            &[
                Starts("invalid input syntax for type date", "22007"),
                Starts("invalid input syntax for type time", "22007"),
                Starts("invalid input syntax for type interval", "22007"),
                Starts("invalid input syntax for ", "22P02"),
                Starts("invalid input value for ", "22P02"),
                Starts("value too long for type ", "22001"),
                Starts("numeric field overflow", "22003"),
                Frames("date", " out of range", "22008"),
                Frames("time", " out of range", "22008"),
                Frames("interval", " out of range", "22008"),
                Starts("value out of range: ", "22003"),
                Ends(" out of range", "22003"),
                Has(" out of range for type ", "22003"),
                Has(" out of range: ", "22008"),
                Starts("division by zero", "22012"),
                Starts("invalid byte sequence for encoding ", "22021"),
                Starts("character with byte sequence ", "22P05"),
                Starts("malformed ", "22P02"),
                Starts("invalid value \"", "22007"),
                Starts("invalid value ", "22023"),
                Starts("bit string length ", "22026"),
                Starts("cannot extract ", "22023"),
                Ends(" bit strings of different sizes", "22026"),
                Starts("cannot take square root ", "2201F"),
                Starts("cannot take ", "2201E"),
                Starts("invalid regular expression", "2201B"),
                Starts("invalid hexadecimal ", "22023"),
                Starts("invalid Unicode ", "42601"),
                Starts("unsupported Unicode escape sequence", "22P05"),
                Starts("date/time field value ", "22008"),
                Starts("time zone ", "22023"),
                Starts("null value not allowed", "22004"),
                Starts("nextval: reached ", "2200H"),
                Starts("setval: value ", "22003"),
                Starts("more than one row returned by a subquery", "21000"),
                Starts("invalid escape ", "22025"),
                Starts("lower bound cannot be ", "2201G"),
                Starts("range lower bound ", "22000"),
                Starts("interval field value ", "22015"),
            ],
        ),
        (
            ServerErrorKind::FeatureNotSupported,
            &[
                Ends(" is not supported", "0A000"),
                Ends(" are not supported", "0A000"),
                Has(" not supported ", "0A000"),
                Starts("cannot use ", "0A000"),
                Starts("unique constraint on partitioned table must include ", "0A000"),
                Starts("cannot truncate a table referenced in a foreign key constraint", "0A000"),
                Ends(" cannot be used when the materialized view is not populated", "0A000"),
            ],
        ),
        // What makes no difference to a run, and is written down.
        (
            ServerErrorKind::Other,
            &[
                Starts("multiple primary keys for table ", "42P16"),
                Starts("multiple default values specified for column ", "42601"),
                Starts("conflicting NULL/NOT NULL declarations", "42601"),
                Starts("cannot change name of view column ", "42P16"),
                Starts("cannot change data type of view column ", "42P16"),
                Starts("cannot drop columns from view", "42P16"),
                Ends(" is in a primary key", "42P16"),
                Starts("cannot change return type of existing function", "42P13"),
                Starts("there is no unique constraint matching given keys ", "42830"),
                Starts("there is no primary key for referenced table ", "42704"),
                Starts("number of referencing and referenced columns for foreign key disagree", "42830"),
                Starts("there is no unique or exclusion constraint matching the ON CONFLICT specification", "42P10"),
                Starts("functions in index ", "42P17"),
                Starts("generation expression is not immutable", "42P17"),
                Starts("data type ", "42704"),
                Starts("could not determine polymorphic type ", "42804"),
                Starts("could not identify an ordering operator ", "42883"),
                Starts("could not identify an equality operator ", "42883"),
                Ends(" is not unique", "42725"),
                Ends(" is ambiguous", "42702"),
                Has(" must appear in the GROUP BY clause", "42803"),
                Starts("aggregate functions are not allowed ", "42803"),
                Starts("missing FROM-clause entry for table ", "42P01"),
                Starts("invalid reference to FROM-clause entry ", "42P01"),
                Starts("INSERT has more ", "42601"),
                Starts("each UNION query must have the same number of columns", "42601"),
                Starts("tables can have at most ", "54011"),
                Starts("index row size ", "54000"),
                Starts("index row requires ", "54000"),
                Starts("stack depth limit exceeded", "54001"),
                Starts("unacceptable schema name ", "42939"),
                Ends(" is not a table", "42809"),
                Ends(" is not a view", "42809"),
                Ends(" is not an index", "42809"),
                Ends(" is not a sequence", "42809"),
                Ends(" is not a materialized view", "42809"),
                Has(" is not a table, ", "42809"),
                Starts("no schema has been selected to create in", "3F000"),
                Starts("could not open extension control file ", "58P01"),
                Has(" is not available", "0A000"),
                Starts("currval of sequence ", "55000"),
                Ends(" has not been populated", "55000"),
                Ends(" can only be used in transaction blocks", "25P01"),
                Starts("cannot refresh materialized view ", "55000"),
                Starts("no partition of relation ", "23514"),
                Starts("cannot insert into view ", "55000"),
                // Of version 14 and later; before, one text stood for two.
                Starts("cannot insert a non-DEFAULT value ", "428C9"),
            ],
        ),
    ]
};

/// Returns what a message means, and its SQLSTATE.
pub(super) fn kind_of_text(message: &str) -> Option<(ServerErrorKind, Sqlstate)> {
    let of = |(kind, texts): &(ServerErrorKind, &[Text])| {
        texts.iter().find_map(|text| text.of(message)).map(|sqlstate| (*kind, sqlstate))
    };
    duplicate(message).or_else(|| TEXTS.iter().find_map(of)).or_else(|| undefined(message))
}

/// Returns whether the message begins with one of these kinds of objects.
fn is_about(message: &str, kinds: &[&str]) -> bool {
    kinds.iter().any(|kind| message.strip_prefix(kind).is_some_and(|rest| rest.starts_with(' ')))
}

/// What is there already, or said twice: the message begins with the object's kind.
fn duplicate(message: &str) -> Option<(ServerErrorKind, Sqlstate)> {
    let is_one = message.ends_with(" already exists")
        || message.contains(" already exists in schema ")
        || message.ends_with(" already exists with same argument types")
        || message.ends_with(" specified more than once");
    if !is_one || is_about(message, &["prepared statement"]) {
        return None;
    }
    let sqlstate = match message {
        _ if is_about(message, &["relation"]) => "42P07",
        _ if is_about(message, &["column"]) => "42701",
        _ if is_about(message, &["schema"]) => "42P06",
        _ if is_about(message, &["function", "procedure", "aggregate", "operator"]) => "42723",
        _ if is_about(message, &["database"]) => "42P04",
        _ => "42710",
    };
    Some((ServerErrorKind::DuplicateObject, sqlstate))
}

/// What does not exist: the message begins with the object's kind, and for columns may go on about their table.
fn undefined(message: &str) -> Option<(ServerErrorKind, Sqlstate)> {
    if !message.contains(" does not exist") {
        return None;
    }
    Some(match message {
        _ if is_about(message, &["column"]) => (ServerErrorKind::UndefinedColumn, "42703"),
        _ if is_about(message, &["relation", "table", "view", "materialized view", "sequence"]) => {
            (ServerErrorKind::UndefinedTable, "42P01")
        }
        _ if is_about(message, &["index", "foreign table"]) => (ServerErrorKind::UndefinedTable, "42704"),
        _ if is_about(message, &["function", "procedure", "aggregate", "operator"]) => {
            (ServerErrorKind::UndefinedObject, "42883")
        }
        _ if is_about(message, &["schema"]) => (ServerErrorKind::UndefinedObject, "3F000"),
        _ if is_about(message, &["database"]) => (ServerErrorKind::UndefinedObject, "3D000"),
        _ => (ServerErrorKind::UndefinedObject, "42704"),
    })
}
