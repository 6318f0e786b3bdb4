//! The stable codes of messages, and the end of the run that each leads to.

/// How a run ends because of a message. The exit codes of DESIGN section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// 1: a step failed.
    Failed,
    /// 3: verification failed.
    Differs,
    /// 4: refused before anything was changed: conflict, data, hazard.
    Refused,
    /// 5: a lock was not obtained in time.
    NoLock,
    /// 6: the server cannot be reached.
    Unreachable,
    /// 7: authentication, database or right missing.
    Denied,
    /// 8: stopped cleanly, with work left.
    Unfinished,
    /// 9: the server is unfit: pooler in transaction mode, replica, too old.
    Unfit,
    /// 64: usage.
    Usage,
    /// 65: a bad script.
    BadScript,
    /// 66: a file is missing.
    NoFile,
    /// 78: bad configuration.
    Configuration,
}

impl Outcome {
    /// Returns the exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Differs => 3,
            Self::Refused => 4,
            Self::NoLock => 5,
            Self::Unreachable => 6,
            Self::Denied => 7,
            Self::Unfinished => 8,
            Self::Unfit => 9,
            Self::Usage => 64,
            Self::BadScript => 65,
            Self::NoFile => 66,
            Self::Configuration => 78,
        }
    }

    /// Returns how early this outcome is told where several apply; smaller wins. DESIGN section 6: 65, 9, 6, 7, 4, 5, 1, 3.
    #[must_use]
    pub const fn precedence(self) -> u8 {
        match self {
            Self::Usage => 0,
            Self::Configuration => 1,
            Self::NoFile => 2,
            Self::BadScript => 3,
            Self::Unfit => 4,
            Self::Unreachable => 5,
            Self::Denied => 6,
            Self::Refused => 7,
            Self::NoLock => 8,
            Self::Failed => 9,
            Self::Unfinished => 10,
            Self::Differs => 11,
        }
    }
}

macro_rules! codes {
    ($($variant:ident $name:literal $outcome:ident $summary:literal;)*) => {
        /// A stable code. Its name never changes; its page is `docs/errors/<name>.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $summary] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the name shown in messages: `lock-timeout`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Returns how a run ends because of it.
            #[must_use]
            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$variant => Outcome::$outcome),* }
            }

            /// Returns what it means, in one sentence.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary),* }
            }

            /// Returns the documentation page that belongs to it.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../../docs/errors/", $name, ".md")),)*
                }
            }
        }
    };
}

codes! {
    // The command line, settings and files.
    Usage "usage" Usage "The command line could not be read.";
    BadSetting "bad-setting" Configuration "A setting of the environment or of `.env` has a value that cannot be used.";
    NoDatabase "no-database" Configuration "No database was named.";
    NoScratch "no-scratch" Configuration "There is no scratch database for a rehearsal.";
    BadUrl "bad-url" Configuration "The database URL cannot be read.";
    FileMissing "file-missing" NoFile "A file or directory that was named is not there.";
    FileUnreadable "file-unreadable" NoFile "A file or directory is there but cannot be read.";
    NoScripts "no-scripts" NoFile "The directory holds no ensure script.";

    // Scripts.
    BadScriptName "bad-script-name" BadScript "The name of a script file does not say its place in the order.";
    DuplicateNumber "duplicate-number" BadScript "Two scripts carry the same number.";
    BadEncoding "bad-encoding" BadScript "A script is not UTF-8.";
    NulByte "nul-byte" BadScript "A script holds a NUL byte.";
    ByteOrderMark "byte-order-mark" BadScript "A byte-order mark stands inside a script.";
    ScriptTooLarge "script-too-large" BadScript "A script or statement is too large.";
    NestedTooDeeply "nested-too-deeply" BadScript "A statement is nested too deeply.";
    SyntaxError "syntax-error" BadScript "A statement is not valid SQL.";
    PsqlCommand "psql-command" BadScript "A script holds a command of psql, which is not SQL.";
    UnknownDirective "unknown-directive" BadScript "A directive has a key that does not exist.";
    BadDirective "bad-directive" BadScript "A directive has a value or a place that makes no sense.";
    NameTooLong "name-too-long" BadScript "A name is longer than the 63 bytes that PostgreSQL keeps.";
    ForbiddenStatement "forbidden-statement" BadScript "A statement may not stand in an ensure script.";
    NotRepeatable "not-repeatable" BadScript "A statement would do its work again on every run.";
    QueryWithoutVerify "query-without-verify" BadScript "A query stands in a script without a directive `verify`.";
    Lint "lint" BadScript "A statement is valid, and worth a second look.";
    Contradiction "contradiction" BadScript "Two statements ask for different things.";

    // The connection.
    UnknownHost "unknown-host" Unreachable "The name of the server is unknown.";
    ConnectionRefused "connection-refused" Unreachable "Nothing listens at the server's address.";
    ConnectionTimeout "connection-timeout" Unreachable "The server did not answer in time.";
    SocketMissing "socket-missing" Unreachable "The server's socket is not there.";
    ServerStarting "server-starting" Unreachable "The server is starting up, shutting down or recovering.";
    ConnectionLost "connection-lost" Unreachable "The connection to the server was lost.";
    TooManyConnections "too-many-connections" Unreachable "The server has no connection left.";
    TlsFailed "tls-failed" Configuration "No encrypted connection could be made.";
    WrongPassword "wrong-password" Denied "The server did not accept the password.";
    NotAdmitted "not-admitted" Denied "The server's rules do not admit this user from here.";
    DatabaseMissing "database-missing" Denied "The database is not there.";
    RoleMissing "role-missing" Denied "The role is not there.";
    PermissionDenied "permission-denied" Denied "A right is missing.";
    NotOwner "not-owner" Denied "The role does not own an object that would be changed.";
    CannotConnect "cannot-connect" Unreachable "The connection failed for another reason.";
    Standby "standby" Unfit "The server is a standby.";
    ReadOnlyServer "read-only-server" Unfit "The database takes no changes.";
    ServerTooOld "server-too-old" Unfit "The server is too old, altogether or for a statement.";
    JournalNewer "journal-newer" Unfit "A newer version of this program has made the journal.";
    TransactionPooler "transaction-pooler" Unfit "A pooler gives every transaction another session.";
    EngineFailed "engine-failed" Failed "The embedded PostgreSQL could not be started.";
    EngineLocked "engine-locked" NoLock "Another process uses the embedded PostgreSQL's directory.";

    // What stands in the way in the database.
    SchemaMissing "schema-missing" Refused "A schema is not there.";
    SeveralSchemas "several-schemas" Refused "The scripts' tables are spread over several schemas.";
    TableMissing "table-missing" Refused "A table is not there.";
    ColumnMissing "column-missing" Refused "A column is not there.";
    ObjectMissing "object-missing" Refused "An object is not there.";
    KindConflict "kind-conflict" Refused "The name belongs to an object of another kind.";
    TypeConflict "type-conflict" Refused "A column has another type than the script asks for.";
    NullabilityConflict "nullability-conflict" Refused "A column allows or forbids NULL other than the script asks for.";
    DefaultConflict "default-conflict" Refused "A column has another default than the script asks for.";
    GenerationConflict "generation-conflict" Refused "A column is generated, or an identity, other than the script asks for.";
    IndexConflict "index-conflict" Refused "An index of that name has another definition.";
    DefinitionConflict "definition-conflict" Refused "A view, routine, trigger or policy of that name is another one.";
    ConstraintConflict "constraint-conflict" Refused "A constraint of that name has another definition.";
    EnumConflict "enum-conflict" Refused "An enum type has other labels than the script asks for.";
    SequenceConflict "sequence-conflict" Refused "A sequence has other settings than the script asks for.";
    RenameConflict "rename-conflict" Refused "A rename finds both names, or neither.";
    DependentObjects "dependent-objects" Refused "Other objects depend on what would be changed or dropped.";
    HazardNotAllowed "hazard-not-allowed" Refused "A change costs something that the script does not allow.";
    OnlineTypeChange "online-type-change" Refused "The type of a column cannot be changed beside writers.";
    ValuesDoNotFit "values-do-not-fit" Refused "Values do not convert to the new type without loss.";
    DuplicateRows "duplicate-rows" Refused "Rows share a key that is to be unique.";
    OrphanRows "orphan-rows" Refused "Rows refer to rows that are not there.";
    NullRows "null-rows" Refused "Rows hold NULL where it is to be forbidden.";
    CheckRows "check-rows" Refused "Rows violate a check that is to hold.";
    QueryFailed "query-failed" Refused "A question of a script or a check could not be answered.";
    WouldLose "would-lose" Refused "Taking a change back would lose rows or values.";
    NotReturnable "not-returnable" Refused "A change cannot be taken back.";
    BackupFailed "backup-failed" Refused "The backup that was asked for could not be made.";
    HookFailed "hook-failed" Refused "A command that is run beside a run failed.";
    NotSupported "not-supported" Refused "This version does not carry out that change.";

    // While running.
    RunnerLock "runner-lock" NoLock "Another run did not end in time.";
    LockTimeout "lock-timeout" NoLock "A table could not be locked in time.";
    KeepOld "keep-old" Unfinished "Old values of rows cannot be kept, or no more of them.";
    BackfillStopped "backfill-stopped" Unfinished "Somebody paused or canceled a backfill.";
    TimeUp "time-up" Unfinished "The time given with `--until` has come, and work is left.";
    StatementTimeout "statement-timeout" Failed "A statement took longer than its limit.";
    StatementFailed "statement-failed" Failed "The server refused a statement.";
    DiskFull "disk-full" Failed "The server's disk is full.";
    NoProgress "no-progress" Failed "The database does not come to hold what the scripts say.";
    VerificationFailed "verification-failed" Differs "After the run, something is not as the scripts say.";
    VerifyQuery "verify-query" Differs "A query of a directive `verify` returned rows.";
    Unmanaged "unmanaged" Differs "Something is in the schema and in no script.";
    Adopted "adopted" Differs "What holds already was written down as done.";
    Broken "broken" Differs "Interrupted work has left something behind.";
    NoJournal "no-journal" Failed "The journal could not be kept or read.";
    CannotWrite "cannot-write" Failed "A report could not be written.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_begins_with_its_code_and_names_the_exit_code() {
        for code in Code::ALL {
            let page = code.page();
            assert!(
                page.starts_with(&format!("# {}\n", code.name())),
                "docs/errors/{}.md has another title",
                code.name()
            );
            let exit = format!("Exit code {}", code.outcome().exit_code());
            assert!(page.contains(&exit), "docs/errors/{}.md does not say `{exit}`", code.name());
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
