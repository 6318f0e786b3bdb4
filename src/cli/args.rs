//! What can be typed. Nothing is checked beyond the shape, and no environment is read: [`crate::config`] does both.

#![expect(clippy::doc_markdown, reason = "clap shows these comments as they are")]

use std::{ffi::OsString, path::PathBuf};

use clap::{
    ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    config::{Flags, Setting},
    journal::{Back, Filter},
    ops::{Keeper, Wish},
};

/// Keeps a PostgreSQL schema at what ordered SQL scripts say.
#[derive(Clone, Debug, Parser)]
#[command(name = "hrms-migrate", version, subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Precedence: flag, environment variable, .env file, default. `.env.example` lists every setting."
)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to do it.
    #[command(flatten)]
    pub options: GlobalOptions,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Make the database what the scripts say; changes nothing where it is so already
    #[command(visible_aliases = ["up", "upgrade", "migrate"])]
    Run,
    /// Show what `run` would do
    #[command(visible_alias = "dry-run")]
    Plan(PlanOptions),
    /// Show which scripts hold, on one screen
    #[command(visible_aliases = ["current", "info"])]
    Status(StatusOptions),
    /// Check that the database is what the scripts say
    Verify(VerifyOptions),
    /// Show what differs, object by object: from the scripts, or from another database
    Diff(DiffOptions),
    /// Check the scripts alone, without a database
    #[command(visible_alias = "lint")]
    Check(CheckOptions),
    /// Show what runs have changed, newest first, or the changes of one run
    #[command(visible_alias = "log")]
    History(HistoryOptions),
    /// Take back what the last run has changed, or another one
    #[command(visible_alias = "downgrade", visible_alias = "revert")]
    Rollback(RollbackOptions),
    /// Write down what holds already as done, on a database made by something else; show what does not
    Adopt(AdoptOptions),
    /// Write down everything as done without looking, and base migrations in diesel's table; needs --yes
    Stamp,
    /// Show what interrupted work has left behind; with --yes mend it
    Repair,
    /// List the backfills that are not done; pause, resume or cancel one
    Backfill(BackfillOptions),
    /// Wait until the server accepts connections
    Wait,
    /// Explain an error code
    Explain {
        /// The code, as in error[CODE]; all codes are listed without it
        code: Option<String>,
    },
    /// Print a completion script
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page, or write the pages of all commands
    Man {
        /// Write hrms-migrate.1 and a page of each command into this directory
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// Options of `plan`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// End with exit code 2 where changes are pending
    #[arg(long)]
    pub exit_code: bool,
    /// Print a script that psql can carry out to the same end, instead of the plan
    #[arg(long)]
    pub sql: bool,
    /// Find out on a scratch database what statements would do that cannot be read
    #[arg(long)]
    pub rehearse: bool,
}

/// Options of `verify`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Fail where something is in the schema and in no script
    #[arg(long)]
    pub strict: bool,
}

/// Options of `diff`.
#[derive(Args, Clone, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// End with exit code 2 where something differs
    #[arg(long)]
    pub exit_code: bool,
    /// Compare with this database instead of the scripts, as URL or keyword=value pairs
    #[arg(long, value_name = "URL")]
    pub against: Option<String>,
}

impl std::fmt::Debug for DiffOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A URL may hold a password.
        let against = self.against.as_ref().map(|_| "…");
        f.debug_struct("DiffOptions").field("exit_code", &self.exit_code).field("against", &against).finish()
    }
}

/// Options of `history`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryOptions {
    /// The run whose changes are shown; all runs without it
    run: Option<i64>,
    /// Runs that changed something for a script whose path holds this
    #[arg(long, value_name = "TEXT")]
    script: Option<String>,
    /// Runs that changed an object whose name holds this
    #[arg(long, value_name = "TEXT")]
    object: Option<String>,
    /// Runs on a machine whose name holds this
    #[arg(long, value_name = "TEXT")]
    host: Option<String>,
    /// Runs that began after this date or time, as PostgreSQL reads it: 2026-11-21 05:30, yesterday
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Most runs
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: u32,
}

impl HistoryOptions {
    /// Returns what is wanted of the history.
    #[must_use]
    pub fn filter(&self) -> Filter {
        let Self { run, script, object, host, since, limit } = self.clone();
        Filter { run, script, object, host, since, limit }
    }
}

/// Options of `adopt`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdoptOptions {
    /// Say what the books of the tool say that has kept the schema so far
    #[arg(long, value_enum, value_name = "TOOL")]
    from: Option<BookKeeper>,
    /// End with exit code 2 where something does not hold
    #[arg(long)]
    pub exit_code: bool,
}

/// A tool whose books are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would show a text beside each")]
pub enum BookKeeper {
    Alembic,
    Diesel,
}

impl AdoptOptions {
    /// Returns whose books are read.
    #[must_use]
    pub fn keeper(self) -> Option<Keeper> {
        self.from.map(|from| match from {
            BookKeeper::Alembic => Keeper::Alembic,
            BookKeeper::Diesel => Keeper::Diesel,
        })
    }
}

/// Options of `rollback`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackOptions {
    /// This run, instead of the last one that changed something; `--to RUN` takes back all runs after that one
    #[arg(long, value_name = "RUN", conflicts_with_all = ["script", "last"])]
    run: Option<i64>,
    /// What this script has changed, by its number or name
    #[arg(long, value_name = "SCRIPT", conflicts_with = "last")]
    script: Option<String>,
    /// So many runs
    #[arg(short = 'n', long, value_name = "COUNT")]
    last: Option<u32>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print a script that psql can carry out to the same end, and do nothing
    #[arg(long)]
    pub sql: bool,
}

impl RollbackOptions {
    /// Returns what is to be taken back. `to`: the run given with `--to`.
    #[must_use]
    pub fn back(&self, to: Option<i64>) -> Back {
        match (self.run, &self.script, to) {
            (Some(run), _, _) => Back::Run(run),
            (None, Some(script), _) => Back::Script(script.clone()),
            (None, None, Some(run)) => Back::To(run),
            (None, None, None) => Back::Last(self.last.unwrap_or(1)),
        }
    }
}

/// Options of `backfill`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackfillOptions {
    /// What to do
    #[arg(value_enum, default_value_t = BackfillAction::List)]
    action: BackfillAction,
    /// The backfill, by its number; where one alone is open it need not be named
    id: Option<i64>,
}

/// What to do about backfills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BackfillAction {
    /// Show how far they are
    #[default]
    List,
    /// Stop after the batch at work, and let no run go on
    Pause,
    /// Let the next run go on
    Resume,
    /// Stop after the batch at work; the next run begins anew
    Cancel,
}

impl BackfillOptions {
    /// Returns what is wanted; nothing where they are only to be listed.
    #[must_use]
    pub fn wish(&self) -> Option<(Wish, Option<i64>)> {
        let wish = match self.action {
            BackfillAction::List => return None,
            BackfillAction::Pause => Wish::Pause,
            BackfillAction::Resume => Wish::Resume,
            BackfillAction::Cancel => Wish::Cancel,
        };
        Some((wish, self.id))
    }
}

/// Options of `check`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// End with exit code 65 where a rule has something to say
    #[arg(long)]
    pub strict: bool,
}

/// Options of `status`.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusOptions {
    /// End with exit code 2 where a script does not hold
    #[arg(long)]
    pub exit_code: bool,
}

/// A shell that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would show a text beside each")]
pub enum Shell {
    Bash,
    Elvish,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
    Zsh,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
/// Options of every command. All values are text: their meaning is settled in [`crate::config`].
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// The database, as URL or keyword=value pairs; DATABASE_URL is read too [env: HRMS_MIGRATE_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Read this file instead of .env [env: HRMS_MIGRATE_ENV_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    env_file: Option<String>,
    /// Read no .env file [env: HRMS_MIGRATE_NO_ENV_FILE]
    #[arg(long, global = true)]
    no_env_file: bool,
    /// Directory of ensure scripts, instead of the ones compiled in [env: HRMS_MIGRATE_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<String>,
    /// Schema of unqualified names, instead of the first fitting one on search_path [env: HRMS_MIGRATE_SCHEMA]
    #[arg(long, global = true, value_name = "NAME")]
    schema: Option<String>,
    /// Wait for the server to accept connections, 60s unless a time is given [env: HRMS_MIGRATE_WAIT]
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "60s"
    )]
    wait: Option<String>,
    /// Longest wait for one attempt to connect, 10s unless given [env: HRMS_MIGRATE_CONNECT_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME")]
    connect_timeout: Option<String>,
    /// Longest wait for another run to end, 15m unless given [env: HRMS_MIGRATE_RUNNER_LOCK_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME")]
    runner_lock_timeout: Option<String>,
    /// Longest wait for a table lock in one attempt, 1500ms unless given [env: HRMS_MIGRATE_LOCK_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME")]
    lock_timeout: Option<String>,
    /// Most attempts to obtain a table lock, 30 unless given [env: HRMS_MIGRATE_LOCK_RETRIES]
    #[arg(long, global = true, value_name = "COUNT")]
    lock_retries: Option<String>,
    /// Longest time for all attempts to obtain a table lock, 10m unless given [env: HRMS_MIGRATE_LOCK_BUDGET]
    #[arg(long, global = true, value_name = "TIME")]
    lock_budget: Option<String>,
    /// Longest time for which others may have waited for locks of this run, all together; no limit unless given
    /// [env: HRMS_MIGRATE_MAX_BLOCKED]
    #[arg(long, global = true, value_name = "TIME")]
    max_blocked: Option<String>,
    /// Begin nothing more from this time on, and end with 8 if work is left: 05:30, 2026-11-22T05:30, or 2h from now
    /// [env: HRMS_MIGRATE_UNTIL]
    #[arg(long, global = true, value_name = "TIME")]
    until: Option<String>,
    /// Longest time of any statement, instead of the limit that fits each; 0 is no limit
    /// [env: HRMS_MIGRATE_STATEMENT_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME")]
    statement_timeout: Option<String>,
    /// Size from which a table is changed beside its writers: 16MB, or pages of 8 kB, 2000 unless given; 0 is always
    /// [env: HRMS_MIGRATE_ONLINE_FROM]
    #[arg(long, global = true, value_name = "SIZE")]
    online_from: Option<String>,
    /// Number of rows from which a table is changed beside its writers, 50000 unless given
    /// [env: HRMS_MIGRATE_ONLINE_FROM_ROWS]
    #[arg(long, global = true, value_name = "COUNT")]
    online_from_rows: Option<String>,
    /// Size of a table from which a rewrite, or another long stop of others, has to be allowed, 4000 pages unless given
    /// [env: HRMS_MIGRATE_HAZARD_FROM]
    #[arg(long, global = true, value_name = "SIZE")]
    hazard_from: Option<String>,
    /// Size of a table from which VACUUM runs between the batches of a backfill, 1GB unless given
    /// [env: HRMS_MIGRATE_VACUUM_FROM]
    #[arg(long, global = true, value_name = "SIZE")]
    vacuum_from: Option<String>,
    /// Schema of the journal, which remembers what runs have changed; hrms_migrate unless given
    /// [env: HRMS_MIGRATE_JOURNAL_SCHEMA]
    #[arg(long, global = true, value_name = "NAME")]
    journal_schema: Option<String>,
    /// Remember nothing of this run [env: HRMS_MIGRATE_NO_JOURNAL]
    #[arg(long, global = true)]
    no_journal: bool,
    /// Most room for the old values of one backfill (`-- ensure:keep-old`), 1GB unless given
    /// [env: HRMS_MIGRATE_KEEP_OLD_LIMIT]
    #[arg(long, global = true, value_name = "SIZE")]
    keep_old_limit: Option<String>,
    /// How long the old values of backfills are kept for rollback, 30d unless given
    /// [env: HRMS_MIGRATE_KEEP_OLD_FOR]
    #[arg(long, global = true, value_name = "TIME")]
    keep_old_for: Option<String>,
    /// Revision of the scripts, for the journal; found out where their directory is in a git checkout
    /// [env: HRMS_MIGRATE_REVISION]
    #[arg(long, global = true, value_name = "TEXT")]
    revision: Option<String>,
    /// Accept a hazard: rewrite, data-loss, blocking-lock, drop, column-reorder, breaking; repeatable
    /// [env: HRMS_MIGRATE_ALLOW]
    #[arg(long, global = true, value_name = "HAZARD")]
    allow: Vec<String>,
    /// Only these scripts, by number or name; repeatable [env: HRMS_MIGRATE_ONLY]
    #[arg(long, global = true, value_name = "SCRIPT")]
    only: Vec<String>,
    /// All scripts but these, by number or name; repeatable [env: HRMS_MIGRATE_SKIP]
    #[arg(long, global = true, value_name = "SCRIPT")]
    skip: Vec<String>,
    /// Scripts up to and with this one, by number or name [env: HRMS_MIGRATE_TO]
    #[arg(long, global = true, value_name = "SCRIPT")]
    to: Option<String>,
    /// Do the steps that can be done, and fail at the end [env: HRMS_MIGRATE_KEEP_GOING]
    #[arg(long, global = true)]
    keep_going: bool,
    /// Put the whole run into one transaction [env: HRMS_MIGRATE_ATOMIC]
    #[arg(long, global = true)]
    atomic: bool,
    /// Make a backup with pg_dump before the first change: a file that is not there yet, or a directory
    /// [env: HRMS_MIGRATE_BACKUP]
    #[arg(long, global = true, value_name = "FILE|DIR")]
    backup: Option<String>,
    /// The pg_dump for backups, instead of the one on the PATH or in PostgreSQL's usual directories
    /// [env: HRMS_MIGRATE_PG_DUMP]
    #[arg(long, global = true, value_name = "PROGRAM")]
    pg_dump: Option<String>,
    /// Command to run before the first change, by the shell; nothing is changed if it fails
    /// [env: HRMS_MIGRATE_BEFORE_RUN]
    #[arg(long, global = true, value_name = "CMD")]
    before_run: Option<String>,
    /// Command to run after a run that came to its first change, however it ended [env: HRMS_MIGRATE_AFTER_RUN]
    #[arg(long, global = true, value_name = "CMD")]
    after_run: Option<String>,
    /// Command to run after a run that ended with an exit code other than 0 [env: HRMS_MIGRATE_ON_FAILURE]
    #[arg(long, global = true, value_name = "CMD")]
    on_failure: Option<String>,
    /// Longest time of each of these commands, 10m unless given; 0 is no limit [env: HRMS_MIGRATE_HOOK_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME")]
    hook_timeout: Option<String>,
    /// check: every table must have this column, NOT NULL [env: HRMS_MIGRATE_TENANT_COLUMN]
    #[arg(long, global = true, value_name = "NAME")]
    tenant_column: Option<String>,
    /// check: no CASCADE, neither of a DROP nor of a foreign key [env: HRMS_MIGRATE_DENY_CASCADE]
    #[arg(long, global = true)]
    deny_cascade: bool,
    /// plan --rehearse: make the scratch database on this server, instead of one that is started for it
    /// [env: HRMS_MIGRATE_SCRATCH_URL]
    #[arg(long, global = true, value_name = "URL")]
    scratch_url: Option<String>,
    /// Format of the result on stdout: text, json, markdown, junit, github or html
    /// [env: HRMS_MIGRATE_FORMAT]
    #[arg(long, global = true, value_name = "FORMAT")]
    format: Option<String>,
    /// Write the result to a file too, in any format: markdown=FILE; repeatable [env: HRMS_MIGRATE_REPORT]
    #[arg(long, global = true, value_name = "FORMAT=FILE")]
    report: Vec<String>,
    /// Colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are read too [env: HRMS_MIGRATE_COLOR]
    #[arg(long, global = true, value_name = "WHEN", visible_alias = "colour")]
    color: Option<String>,
    /// Say only what went wrong [env: HRMS_MIGRATE_QUIET]
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Say more; twice: every statement sent [env: HRMS_MIGRATE_VERBOSE]
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Answer every question with yes [env: HRMS_MIGRATE_YES]
    #[arg(long, short, global = true)]
    yes: bool,
}

impl CommandLine {
    /// Reads the command line, the program's name included.
    ///
    /// # Errors
    /// clap's error, which is also how help and version arrive; where it is one, the exit code is 64.
    pub fn read<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        Self::try_parse_from(arguments).map_err(|error| {
            // clap repeats what it does not understand, and a URL may hold a password.
            let secret =
                |value: &ContextValue| value.to_string().contains("://") || value.to_string().contains("password");
            if error.context().any(|(kind, value)| shows_what_was_typed(kind) && secret(value)) {
                let text = "a database URL stands where none is expected; write --database-url=URL";
                return Self::command().error(ErrorKind::UnknownArgument, text);
            }
            error
        })
    }
}

const fn shows_what_was_typed(kind: ContextKind) -> bool {
    matches!(kind, ContextKind::InvalidArg | ContextKind::InvalidSubcommand | ContextKind::InvalidValue)
}

impl GlobalOptions {
    /// Returns the flags that were typed.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let mut flags = Flags::default();
        for (setting, value) in [
            (Setting::DatabaseUrl, &self.database_url),
            (Setting::EnvFile, &self.env_file),
            (Setting::Dir, &self.dir),
            (Setting::Schema, &self.schema),
            (Setting::Wait, &self.wait),
            (Setting::ConnectTimeout, &self.connect_timeout),
            (Setting::RunnerLockTimeout, &self.runner_lock_timeout),
            (Setting::LockTimeout, &self.lock_timeout),
            (Setting::LockRetries, &self.lock_retries),
            (Setting::LockBudget, &self.lock_budget),
            (Setting::MaxBlocked, &self.max_blocked),
            (Setting::Until, &self.until),
            (Setting::StatementTimeout, &self.statement_timeout),
            (Setting::OnlineFrom, &self.online_from),
            (Setting::OnlineFromRows, &self.online_from_rows),
            (Setting::HazardFrom, &self.hazard_from),
            (Setting::VacuumFrom, &self.vacuum_from),
            (Setting::KeepOldLimit, &self.keep_old_limit),
            (Setting::KeepOldFor, &self.keep_old_for),
            (Setting::JournalSchema, &self.journal_schema),
            (Setting::Revision, &self.revision),
            (Setting::To, &self.to),
            (Setting::Backup, &self.backup),
            (Setting::PgDump, &self.pg_dump),
            (Setting::BeforeRun, &self.before_run),
            (Setting::AfterRun, &self.after_run),
            (Setting::OnFailure, &self.on_failure),
            (Setting::HookTimeout, &self.hook_timeout),
            (Setting::TenantColumn, &self.tenant_column),
            (Setting::ScratchUrl, &self.scratch_url),
            (Setting::Format, &self.format),
            (Setting::Color, &self.color),
        ] {
            if let Some(value) = value {
                flags.push(setting, value);
            }
        }
        for (setting, values) in [
            (Setting::Allow, &self.allow),
            (Setting::Only, &self.only),
            (Setting::Skip, &self.skip),
            (Setting::Report, &self.report),
        ] {
            for value in values {
                flags.push(setting, value);
            }
        }
        for (setting, typed) in [
            (Setting::NoEnvFile, self.no_env_file),
            (Setting::NoJournal, self.no_journal),
            (Setting::KeepGoing, self.keep_going),
            (Setting::Atomic, self.atomic),
            (Setting::DenyCascade, self.deny_cascade),
            (Setting::Quiet, self.quiet),
            (Setting::Yes, self.yes),
        ] {
            if typed {
                flags.push(setting, "true");
            }
        }
        if self.verbose > 0 {
            flags.push(Setting::Verbose, self.verbose.to_string());
        }
        flags
    }
}

impl std::fmt::Debug for GlobalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.flags().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SETTINGS;

    fn read(line: &str) -> CommandLine {
        CommandLine::read(line.split_whitespace()).unwrap()
    }

    #[test]
    fn clap_finds_no_fault() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_setting_is_a_flag_and_its_help_names_the_variable() {
        let command = CommandLine::command();
        for info in SETTINGS {
            let argument = command.get_arguments().find(|argument| argument.get_long() == Some(info.flag));
            let argument = argument.unwrap_or_else(|| panic!("no flag --{}", info.flag));
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("[env: {}]", info.variable)), "--{}: {help}", info.flag);
        }
        let ours = command.get_arguments().filter(|argument| argument.is_global_set()).count();
        assert_eq!(ours, SETTINGS.len());
    }

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        let expected = Flags::default().with(Setting::Wait, "60s").with(Setting::Verbose, "2");
        for line in ["hrms-migrate --wait run -vv", "hrms-migrate -vv run --wait", "hrms-migrate up --wait=60s -v -v"] {
            let line = read(line);
            assert_eq!(line.command, Command::Run);
            assert!(line.options.flags() == expected, "{:?}", line.options);
        }
    }

    #[test]
    fn commands_answer_to_their_other_names() {
        for (line, command) in [
            ("hrms-migrate migrate", Command::Run),
            ("hrms-migrate upgrade", Command::Run),
            (
                "hrms-migrate dry-run --exit-code",
                Command::Plan(PlanOptions { exit_code: true, ..PlanOptions::default() }),
            ),
            ("hrms-migrate info", Command::Status(StatusOptions { exit_code: false })),
            ("hrms-migrate current --exit-code", Command::Status(StatusOptions { exit_code: true })),
            ("hrms-migrate lint --strict", Command::Check(CheckOptions { strict: true })),
            ("hrms-migrate explain lock-timeout", Command::Explain { code: Some("lock-timeout".to_owned()) }),
            ("hrms-migrate completions zsh", Command::Completions { shell: Shell::Zsh }),
        ] {
            assert_eq!(read(line).command, command);
        }
    }

    #[test]
    fn a_database_url_is_not_shown_by_debug() {
        let line = read("hrms-migrate run --database-url postgres://u:geheim@db/x");
        assert!(!format!("{line:?}").contains("geheim"));
    }

    #[test]
    fn a_database_url_in_the_wrong_place_is_not_repeated() {
        for line in ["run postgres://u:geheim@db/x", "postgres://u:geheim@db/x", "run --wait=1 host=x\tpassword=geheim"]
        {
            let error = CommandLine::read(["hrms-migrate"].into_iter().chain(line.split(' '))).unwrap_err();
            let text = error.render().to_string();
            assert!(!text.contains("geheim") && text.contains("--database-url=URL"), "{text}");
        }
        let error = CommandLine::read(["hrms-migrate", "runn"]).unwrap_err();
        assert!(error.render().to_string().contains("'run'"));
    }
}
