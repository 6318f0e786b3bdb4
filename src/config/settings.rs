//! What the user typed, what the environment says, and what both mean.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    dotenv::{self, Assignment},
    error::{ConfigError, Source},
    setting::{SETTINGS, Setting, ValueKind},
    target::{self, ScratchChoice, TargetChoice},
    until::Until,
    value::{parse_age, parse_duration, parse_pages, parse_switch},
};
use crate::journal::Keeping;
use crate::pg::{Hazard, Ident, LockTimeout, StatementTimeout, TableLimits, libpq_variables};

/// The flags as they were typed. Nothing is checked yet.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Flags(BTreeMap<Setting, Vec<String>>);

impl Flags {
    /// Adds a flag with its value.
    pub fn push(&mut self, setting: Setting, value: impl Into<String>) {
        self.0.entry(setting).or_default().push(value.into());
    }

    /// Returns these flags with one value in place of all that a setting has.
    #[must_use]
    pub fn with_only(mut self, setting: Setting, value: impl Into<String>) -> Self {
        self.0.insert(setting, vec![value.into()]);
        self
    }

    /// Returns these flags and one more.
    #[must_use]
    pub fn with(mut self, setting: Setting, value: impl Into<String>) -> Self {
        self.push(setting, value);
        self
    }
}

impl fmt::Debug for Flags {
    /// Names the flags only: the database's URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// The environment of the process.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    values: BTreeMap<String, String>,
    not_utf8: BTreeSet<String>,
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let values = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, not_utf8: BTreeSet::new() }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.keys()).finish()
    }
}

/// Returns the environment of this process. Variables whose name is not UTF-8 are left out: none of ours is.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the only reader of the environment")]
pub fn process_environment() -> Environment {
    let mut environment = Environment::default();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => environment.values.insert(name, value).is_some(),
            Err(_) => environment.not_utf8.insert(name),
        };
    }
    environment
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFailure {
    /// It is not there.
    Missing,
    /// Another reason, in the operating system's words.
    Other(String),
}

/// Reads a file; tests put their own in its place.
pub type FileReader<'a> = dyn Fn(&Path) -> Result<Vec<u8>, ReadFailure> + 'a;

/// Reads a file of the file system.
///
/// # Errors
/// [`ReadFailure`] as the operating system reports it.
#[expect(clippy::disallowed_methods, reason = "`.env` files are read here")]
pub fn read_file(path: &Path) -> Result<Vec<u8>, ReadFailure> {
    fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadFailure::Missing,
        _ => ReadFailure::Other(error.to_string()),
    })
}

/// A script as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScriptName {
    /// By its number: `10` and `010` are the same.
    Number(u64),
    /// By its name, with or without the number in front and `.sql` behind.
    Name(String),
}

impl ScriptName {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.parse() {
            Ok(number) => Some(Self::Number(number)),
            Err(_) if text.is_empty() || text.bytes().all(|b| b.is_ascii_digit()) => None,
            Err(_) => {
                let file = text.rsplit(['/', '\\']).next().unwrap_or(text);
                Some(Self::Name(file.strip_suffix(".sql").unwrap_or(file).to_owned()))
            }
        }
    }

    /// Returns whether a script with this number and name (`010_user_columns`) is meant.
    #[must_use]
    pub fn matches(&self, number: Option<u64>, name: &str) -> bool {
        match self {
            Self::Number(wanted) => number == Some(*wanted),
            Self::Name(wanted) => {
                let topic = name.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('_');
                wanted == name || (number.is_some() && wanted == topic)
            }
        }
    }
}

impl fmt::Display for ScriptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Which scripts take part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these, where any are named.
    pub only: Vec<ScriptName>,
    /// None of these.
    pub skip: Vec<ScriptName>,
    /// Up to and with this one.
    pub to: Option<ScriptName>,
}

/// Format of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// For a CI server's list of tests.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// One page for a browser, with a picture of the schema.
    Html,
}

impl Format {
    /// Every format, in the order in which it is told.
    pub const ALL: [Self; 6] = [Self::Text, Self::Json, Self::Markdown, Self::Junit, Self::Github, Self::Html];

    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Html => "html",
        }
    }
}

/// A result written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its format.
    pub format: Format,
    /// The file.
    pub file: PathBuf,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Where the output is a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only what went wrong.
    Quiet,
    /// What changed.
    #[default]
    Normal,
    /// More.
    Verbose,
    /// Every statement sent.
    Statements,
}

/// The longest this program waits, for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the server to accept connections; zero: one attempt.
    pub wait: Duration,
    /// For another run to end.
    pub runner_lock_timeout: Duration,
    /// For a table lock, in one attempt.
    pub lock_timeout: LockTimeout,
    /// Most attempts to obtain a table lock.
    pub lock_retries: u32,
    /// For all these attempts together.
    pub lock_budget: Duration,
    /// For how long others may have waited for locks of a run, all together; `None` is no limit.
    pub max_blocked: Option<Duration>,
    /// When a run begins nothing more; `None` is never.
    pub until: Option<Until>,
    /// For any statement, where the user overrides what fits each.
    pub statement_timeout: Option<StatementTimeout>,
    /// The most that the old values of one backfill may take, in bytes.
    pub keep_old_limit: u64,
    /// How long old values of backfills are kept.
    pub keep_old_for: Duration,
}

/// Commands that are run beside a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Before the first change.
    pub before_run: Option<String>,
    /// After a run that came to its first change.
    pub after_run: Option<String>,
    /// After a run that ended with another exit code than 0.
    pub on_failure: Option<String>,
    /// How long each may take; zero is no limit.
    pub timeout: Duration,
}

/// What `check` asks of the scripts of this house.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HouseRules {
    /// The column that every table has to have.
    pub tenant_column: Option<Ident>,
    /// Whether CASCADE is not wanted.
    pub deny_cascade: bool,
}

/// Everything that flags, environment and `.env` say, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The database.
    pub target: TargetChoice,
    /// Directory of ensure scripts; `None` for the ones compiled in.
    pub dir: Option<PathBuf>,
    /// Schema of unqualified names; `None` to find it out.
    pub schema: Option<Ident>,
    /// Waiting.
    pub limits: Limits,
    /// From which size on a table counts as large.
    pub table_limits: TableLimits,
    /// Where what is done is remembered.
    pub journal: Keeping,
    /// The revision of the scripts; `None` to find it out.
    pub revision: Option<String>,
    /// The user of the operating system.
    pub os_user: Option<String>,
    /// Hazards that are accepted everywhere. Sorted, each once.
    pub allow: Vec<Hazard>,
    /// Which scripts take part.
    pub selection: Selection,
    /// Whether a finding stops only its own step.
    pub keep_going: bool,
    /// Whether the whole run is one transaction.
    pub atomic: bool,
    /// Where a backup is made before the first change: a file, or a directory.
    pub backup: Option<PathBuf>,
    /// The `pg_dump` that makes it; `None` to find one.
    pub pg_dump: Option<PathBuf>,
    /// Commands that are run beside a run.
    pub hooks: Hooks,
    /// What `check` asks for besides.
    pub house_rules: HouseRules,
    /// Where a rehearsal takes place.
    pub scratch: ScratchChoice,
    /// Format of the result on stdout.
    pub format: Format,
    /// Results to write to files.
    pub reports: Vec<Report>,
    /// When to colour.
    pub color: Color,
    /// How much to say.
    pub verbosity: Verbosity,
    /// Whether questions are answered with yes.
    pub yes: bool,
    /// What people should know about their settings, one sentence each, without secrets.
    pub notes: Vec<String>,
    /// Variables that begin like ours but are none. To be named with `-v`.
    pub unknown_variables: Vec<Source>,
}

impl Settings {
    /// Settles flags, environment and `.env` into settings.
    ///
    /// Touches neither the process environment nor the file system but through its arguments (and where `.env` writes
    /// `$NAME`, which dotenvy looks up in the process environment).
    ///
    /// # Errors
    /// [`ConfigError`], naming the flag, the variable or the line that is wrong.
    pub fn settle(
        flags: &Flags,
        environment: &Environment,
        directory: &Path,
        read: &FileReader<'_>,
    ) -> Result<Self, ConfigError> {
        let mut lookup = Lookup { flags, environment, directory, read, file: String::new(), assignments: Vec::new() };
        lookup.read_env_file()?;

        let url = match lookup.one(Setting::DatabaseUrl, Level::Flag)? {
            Some(found) => Some(found),
            None => lookup.database_url()?,
        };
        // libpq counts whole seconds.
        let connect_timeout =
            lookup.duration_if_set(Setting::ConnectTimeout)?.map(|timeout| timeout.as_millis().div_ceil(1_000));
        let connect_timeout = connect_timeout.map(|seconds| u64::try_from(seconds).unwrap_or(u64::MAX));
        let target = target::settle(&lookup, url, connect_timeout)?;

        let mut settings = Self {
            dir: lookup.one(Setting::Dir, Level::Any)?.map(|(dir, _)| PathBuf::from(dir)),
            schema: lookup.one(Setting::Schema, Level::Any)?.map(|(schema, _)| Ident::from_sql(&schema)),
            limits: Limits {
                wait: lookup.duration(Setting::Wait)?,
                runner_lock_timeout: lookup.duration(Setting::RunnerLockTimeout)?,
                lock_timeout: LockTimeout::from_millis(millis(lookup.duration(Setting::LockTimeout)?)),
                lock_retries: lookup.lock_retries()?,
                lock_budget: lookup.duration(Setting::LockBudget)?,
                max_blocked: lookup.duration_if_set(Setting::MaxBlocked)?,
                until: lookup.until()?,
                statement_timeout: lookup
                    .duration_if_set(Setting::StatementTimeout)?
                    .map(|timeout| StatementTimeout::from_millis(millis(timeout))),
                keep_old_limit: lookup.pages(Setting::KeepOldLimit)?.saturating_mul(8_192),
                keep_old_for: lookup.age(Setting::KeepOldFor)?,
            },
            table_limits: TableLimits {
                online_pages: lookup.pages(Setting::OnlineFrom)?,
                online_rows: lookup.online_rows()?,
                hazard_pages: lookup.pages(Setting::HazardFrom)?,
                vacuum_pages: lookup.pages(Setting::VacuumFrom)?,
            },
            journal: match (lookup.switch(Setting::NoJournal)?.0, lookup.one(Setting::JournalSchema, Level::Any)?) {
                (true, _) => Keeping::Not,
                (false, Some((schema, _))) => Keeping::In(Ident::from_sql(&schema)),
                (false, None) => Keeping::default(),
            },
            revision: lookup.one(Setting::Revision, Level::Any)?.map(|(revision, _)| revision),
            os_user: ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| environment.values.get(*name).cloned()),
            allow: lookup.hazards()?,
            selection: Selection {
                only: lookup.scripts(Setting::Only)?,
                skip: lookup.scripts(Setting::Skip)?,
                to: lookup.scripts(Setting::To)?.pop(),
            },
            keep_going: lookup.switch(Setting::KeepGoing)?.0,
            atomic: lookup.switch(Setting::Atomic)?.0,
            backup: lookup.one(Setting::Backup, Level::Any)?.map(|(place, _)| PathBuf::from(place)),
            pg_dump: lookup.one(Setting::PgDump, Level::Any)?.map(|(program, _)| PathBuf::from(program)),
            hooks: lookup.hooks()?,
            house_rules: HouseRules {
                tenant_column: lookup.one(Setting::TenantColumn, Level::Any)?.map(|(name, _)| Ident::from_sql(&name)),
                deny_cascade: lookup.switch(Setting::DenyCascade)?.0,
            },
            scratch: target::settle_scratch(&lookup, lookup.one(Setting::ScratchUrl, Level::Any)?, connect_timeout)?,
            format: match lookup.one(Setting::Format, Level::Any)? {
                Some((format, origin)) => read_format(&format).ok_or_else(|| bad(origin, &format, &formats()))?,
                None => Format::Text,
            },
            reports: lookup.reports()?,
            color: lookup.color()?,
            verbosity: lookup.verbosity()?,
            yes: lookup.switch(Setting::Yes)?.0,
            notes: lookup.notes(),
            unknown_variables: lookup.unknown_variables(),
            target,
        };
        if let TargetChoice::Given { target, .. } = &settings.target {
            settings.notes.extend_from_slice(target.notes());
        }
        Ok(settings)
    }
}

fn verbosity_of(count: u8) -> Verbosity {
    match count {
        0 => Verbosity::Normal,
        1 => Verbosity::Verbose,
        _ => Verbosity::Statements,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn bad(origin: Source, value: &str, expected: &str) -> ConfigError {
    ConfigError::BadValue { origin, value: value.to_owned(), expected: expected.to_owned() }
}

fn read_format(text: &str) -> Option<Format> {
    Format::ALL.into_iter().find(|format| format.name() == text)
}

/// Returns the names of all formats, as a choice.
fn formats() -> String {
    let [others @ .., last] = Format::ALL.map(Format::name);
    format!("{} or {last}", others.join(", "))
}

/// Where to look for a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// On the command line only.
    Flag,
    /// On the command line, then in the environment, then in `.env`.
    Any,
}

/// Looks settings up in the order of their precedence.
pub(super) struct Lookup<'a> {
    flags: &'a Flags,
    environment: &'a Environment,
    directory: &'a Path,
    read: &'a FileReader<'a>,
    file: String,
    assignments: Vec<Assignment>,
}

impl Lookup<'_> {
    /// Reads a file; a relative path starts at the current directory.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>, ReadFailure> {
        (self.read)(&self.directory.join(path))
    }

    /// Returns whether the process environment has a variable that is not empty.
    pub(super) fn has_process_variable(&self, name: &str) -> bool {
        self.environment.values.get(name).is_some_and(|value| !value.is_empty())
    }

    /// Returns a variable of the process environment or of `.env`; an empty one is not set.
    pub(super) fn variable(&self, name: &str) -> Result<Option<(String, Source)>, ConfigError> {
        Ok(self.process_variable(name)?.or_else(|| self.file_variable(name)))
    }

    fn process_variable(&self, name: &str) -> Result<Option<(String, Source)>, ConfigError> {
        if self.environment.not_utf8.contains(name) {
            return Err(ConfigError::NotUtf8 { variable: name.to_owned() });
        }
        let value = self.environment.values.get(name).filter(|value| !value.is_empty());
        Ok(value.map(|value| (value.clone(), Source::Environment(name.to_owned()))))
    }

    fn file_variable(&self, name: &str) -> Option<(String, Source)> {
        let assignment = self.assignments.iter().rfind(|assignment| assignment.variable == name)?;
        (!assignment.value.is_empty()).then(|| (assignment.value.clone(), self.source(assignment)))
    }

    fn source(&self, assignment: &Assignment) -> Source {
        let variable = assignment.variable.clone();
        Source::EnvFile { file: self.file.clone(), line: assignment.line, variable }
    }

    fn read_env_file(&mut self) -> Result<(), ConfigError> {
        let named = self.one(Setting::EnvFile, Level::Any)?;
        match (self.switch(Setting::NoEnvFile)?, &named) {
            ((true, Some(Source::Flag(flag))), Some((_, Source::Flag(file)))) => {
                return Err(ConfigError::Exclusive { first: Source::Flag(flag), second: Source::Flag(file) });
            }
            // A flag overrules what the environment says.
            ((true, source), named) if !is_flag(named.as_ref()) || is_flag_source(source.as_ref()) => return Ok(()),
            _ => {}
        }
        let (file, origin) = match named {
            Some((file, origin)) => (file, Some(origin)),
            None => (".env".to_owned(), None),
        };
        let bytes = match (self.read(Path::new(&file)), origin) {
            (Ok(bytes), _) => bytes,
            (Err(ReadFailure::Missing), None) => return Ok(()),
            (Err(ReadFailure::Missing), Some(origin)) => return Err(ConfigError::EnvFileMissing { origin, file }),
            (Err(ReadFailure::Other(reason)), _) => return Err(ConfigError::EnvFileUnreadable { file, reason }),
        };
        self.assignments = dotenv::parse(&file, &bytes)?;
        self.file = file;
        Ok(())
    }

    /// Returns every value of a setting, from the first place that has any.
    fn all(&self, setting: Setting) -> Result<Vec<(String, Source)>, ConfigError> {
        let info = setting.info();
        let split = |value: &str| -> Vec<String> {
            if info.kind != ValueKind::List {
                return vec![value.to_owned()];
            }
            value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let (values, source) = match self.flags.0.get(&setting) {
            Some(values) => (values.iter().flat_map(|value| split(value)).collect(), Source::Flag(info.flag)),
            None => match self.variable(info.variable)? {
                Some((value, source)) => (split(&value), source),
                None => return Ok(Vec::new()),
            },
        };
        Ok(values.into_iter().map(|value| (value, source.clone())).collect())
    }

    /// Returns the value of a setting; of several flags the last.
    fn one(&self, setting: Setting, level: Level) -> Result<Option<(String, Source)>, ConfigError> {
        if level == Level::Flag && !self.flags.0.contains_key(&setting) {
            return Ok(None);
        }
        match self.all(setting)?.pop() {
            // `--schema "$SCHEMA"` with an unset variable: going on without it would be another schema.
            Some((value, origin @ Source::Flag(_))) if value.is_empty() => Err(bad(origin, "", "a value")),
            found => Ok(found),
        }
    }

    /// Returns the URL of the environment: the process's before the file's, and ours before the one shared with the
    /// backend.
    fn database_url(&self) -> Result<Option<(String, Source)>, ConfigError> {
        let names = [Setting::DatabaseUrl.info().variable, "DATABASE_URL"];
        for name in names {
            if let Some(found) = self.process_variable(name)? {
                return Ok(Some(found));
            }
        }
        Ok(names.into_iter().find_map(|name| self.file_variable(name)))
    }

    fn duration_if_set(&self, setting: Setting) -> Result<Option<Duration>, ConfigError> {
        let Some((value, origin)) = self.one(setting, Level::Any)? else { return Ok(None) };
        match parse_duration(&value) {
            Some(duration) => Ok(Some(duration)),
            None => Err(bad(origin, &value, "a duration of at most 24 days, such as 500ms, 60s, 5m or 1h")),
        }
    }

    fn age(&self, setting: Setting) -> Result<Duration, ConfigError> {
        let (value, origin) = self.one_or_default(setting)?;
        parse_age(&value).ok_or_else(|| bad(origin, &value, "a time such as 30d, 48h or 90m"))
    }

    fn until(&self) -> Result<Option<Until>, ConfigError> {
        let Some((value, origin)) = self.one(Setting::Until, Level::Any)? else { return Ok(None) };
        match Until::parse(&value) {
            Some(until) => Ok(Some(until)),
            None => {
                Err(bad(origin, &value, "a time such as 05:30, 2026-11-22T05:30, 2026-11-22T05:30Z, or 2h from now"))
            }
        }
    }

    fn duration(&self, setting: Setting) -> Result<Duration, ConfigError> {
        let default = || parse_duration(setting.info().default).unwrap_or_default();
        Ok(self.duration_if_set(setting)?.unwrap_or_else(default))
    }

    fn switch(&self, setting: Setting) -> Result<(bool, Option<Source>), ConfigError> {
        match self.one(setting, Level::Any)? {
            Some((value, origin)) => match parse_switch(&value) {
                Some(on) => Ok((on, Some(origin))),
                None => Err(bad(origin, &value, "true or false")),
            },
            None => Ok((false, None)),
        }
    }

    fn verbose(&self) -> Result<Option<(u8, Source)>, ConfigError> {
        let Some((value, origin)) = self.one(Setting::Verbose, Level::Any)? else { return Ok(None) };
        let count = match parse_switch(&value) {
            Some(on) => Some(u8::from(on)),
            None => value.trim().parse().ok(),
        };
        match count {
            Some(count) => Ok(Some((count, origin))),
            None => Err(bad(origin, &value, "0, 1 or 2")),
        }
    }

    fn verbosity(&self) -> Result<Verbosity, ConfigError> {
        let (count, verbose) = self.verbose()?.map_or((0, None), |(count, source)| (count, Some(source)));
        match (self.switch(Setting::Quiet)?, verbose) {
            ((true, Some(quiet)), Some(verbose)) if count > 0 => {
                // A flag overrules what the environment says; two of the same kind contradict.
                match (is_flag_source(Some(&quiet)), is_flag_source(Some(&verbose))) {
                    (true, false) => Ok(Verbosity::Quiet),
                    (false, true) => Ok(verbosity_of(count)),
                    _ => Err(ConfigError::Exclusive { first: quiet, second: verbose }),
                }
            }
            ((true, _), _) => Ok(Verbosity::Quiet),
            ((false, _), _) => Ok(verbosity_of(count)),
        }
    }

    /// Returns a setting's value, or its default.
    fn one_or_default(&self, setting: Setting) -> Result<(String, Source), ConfigError> {
        let info = setting.info();
        Ok(self.one(setting, Level::Any)?.unwrap_or_else(|| (info.default.to_owned(), Source::Flag(info.flag))))
    }

    fn pages(&self, setting: Setting) -> Result<u64, ConfigError> {
        let (value, origin) = self.one_or_default(setting)?;
        parse_pages(&value)
            .ok_or_else(|| bad(origin, &value, "a size such as 16MB or 1GB, or a number of pages of 8 kB"))
    }

    fn online_rows(&self) -> Result<u64, ConfigError> {
        let (value, origin) = self.one_or_default(Setting::OnlineFromRows)?;
        value.trim().parse().map_err(|_| bad(origin, &value, "a number of rows"))
    }

    fn lock_retries(&self) -> Result<u32, ConfigError> {
        let (value, origin) = self.one_or_default(Setting::LockRetries)?;
        match value.trim().parse() {
            Ok(retries) if (1..=100_000).contains(&retries) => Ok(retries),
            _ => Err(bad(origin, &value, "a number of attempts between 1 and 100000")),
        }
    }

    fn hazards(&self) -> Result<Vec<Hazard>, ConfigError> {
        let mut hazards = BTreeSet::new();
        for (value, origin) in self.all(Setting::Allow)? {
            let Some(hazard) = Hazard::ALL.into_iter().find(|hazard| hazard.name() == value) else {
                let names = Hazard::ALL.map(Hazard::name).join(", ");
                return Err(bad(origin, &value, &format!("a hazard: {names}")));
            };
            hazards.insert(hazard);
        }
        Ok(hazards.into_iter().collect())
    }

    /// Returns the commands to run. A run within such a command has none: it would be without end.
    fn hooks(&self) -> Result<Hooks, ConfigError> {
        let timeout = self.duration(Setting::HookTimeout)?;
        if self.has_process_variable("HRMS_MIGRATE_HOOK") {
            return Ok(Hooks { timeout, ..Hooks::default() });
        }
        let command = |setting| Ok(self.one(setting, Level::Any)?.map(|(command, _)| command));
        Ok(Hooks {
            before_run: command(Setting::BeforeRun)?,
            after_run: command(Setting::AfterRun)?,
            on_failure: command(Setting::OnFailure)?,
            timeout,
        })
    }

    fn scripts(&self, setting: Setting) -> Result<Vec<ScriptName>, ConfigError> {
        let read = |(value, origin): (String, Source)| {
            ScriptName::read(&value).ok_or_else(|| bad(origin, &value, "a script's number or name"))
        };
        self.all(setting)?.into_iter().map(read).collect()
    }

    fn reports(&self) -> Result<Vec<Report>, ConfigError> {
        let read = |(value, origin): (String, Source)| {
            let report = value.split_once('=').and_then(|(format, file)| {
                let format = read_format(format)?;
                (!file.is_empty()).then(|| Report { format, file: PathBuf::from(file) })
            });
            report.ok_or_else(|| bad(origin, &value, &format!("FORMAT=FILE with FORMAT {}", formats())))
        };
        self.all(Setting::Report)?.into_iter().map(read).collect()
    }

    fn color(&self) -> Result<Color, ConfigError> {
        if let Some((value, origin)) = self.one(Setting::Color, Level::Any)? {
            return match value.as_str() {
                "auto" => Ok(Color::Auto),
                "always" => Ok(Color::Always),
                "never" => Ok(Color::Never),
                _ => Err(bad(origin, &value, "auto, always or never")),
            };
        }
        // no-color.org and bixense.com/clicolors; NO_COLOR is somebody's need, so it is stronger.
        let process = |name: &str| self.environment.values.get(name).map(String::as_str).unwrap_or_default();
        Ok(if !process("NO_COLOR").is_empty() {
            Color::Never
        } else if !matches!(process("CLICOLOR_FORCE"), "" | "0") {
            Color::Always
        } else if process("CLICOLOR") == "0" || process("TERM") == "dumb" {
            Color::Never
        } else {
            Color::Auto
        })
    }

    /// A password with a `$` that dotenvy took for a variable is a puzzle for hours: say so.
    fn notes(&self) -> Vec<String> {
        let ours = |name: &str| {
            name == "DATABASE_URL"
                || SETTINGS.iter().any(|info| info.variable == name)
                || libpq_variables().any(|(variable, _)| variable == name)
        };
        let substituted =
            self.assignments.iter().filter(|assignment| assignment.substituted && ours(&assignment.variable));
        let mut notes: Vec<String> = substituted
            .map(|assignment| {
                let source = self.source(assignment);
                format!(
                    "{source}: a \"$\" was read as a variable; put the value in single quotes if it stands for itself"
                )
            })
            .collect();
        for setting in [Setting::EnvFile, Setting::NoEnvFile] {
            if let Some((_, source)) = self.file_variable(setting.info().variable) {
                notes.push(format!("{source} has no effect inside such a file"));
            }
        }
        notes
    }

    fn unknown_variables(&self) -> Vec<Source> {
        // What a command of the user's is told is for that command.
        let told = |name: &str| name == "HRMS_MIGRATE_HOOK" || name.starts_with("HRMS_MIGRATE_HOOK_");
        let known = |name: &str| SETTINGS.iter().any(|info| info.variable == name) || told(name);
        let unknown = |name: &str| name.starts_with("HRMS_MIGRATE_") && !known(name);
        let process = self.environment.values.keys().chain(&self.environment.not_utf8).filter(|name| unknown(name));
        let file = self.assignments.iter().filter(|assignment| unknown(&assignment.variable));
        process.cloned().map(Source::Environment).chain(file.map(|assignment| self.source(assignment))).collect()
    }
}

fn is_flag(found: Option<&(String, Source)>) -> bool {
    is_flag_source(found.map(|(_, source)| source))
}

fn is_flag_source(source: Option<&Source>) -> bool {
    matches!(source, Some(Source::Flag(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_duration;

    /// Settles `flags` written as `flag=value`, an environment and one file.
    fn settle(
        flags: &[(Setting, &str)],
        environment: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Result<Settings, ConfigError> {
        let flags = flags.iter().fold(Flags::default(), |flags, (setting, value)| flags.with(*setting, *value));
        let environment: Environment = environment.iter().copied().collect();
        let read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new("/app").join(name) == path);
            found.map(|(_, text)| text.as_bytes().to_vec()).ok_or(ReadFailure::Missing)
        };
        Settings::settle(&flags, &environment, Path::new("/app"), &read)
    }

    fn target(settings: &Settings) -> &crate::pg::ConnectionTarget {
        match &settings.target {
            TargetChoice::Given { target, .. } => target,
            TargetChoice::None => panic!("no target"),
        }
    }

    fn check_error(result: Result<Settings, ConfigError>, text: &str, exit_code: u8) {
        let error = result.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit_code()), (text, exit_code));
        assert!(!error.help().is_empty());
    }

    #[test]
    fn without_anything_the_defaults_hold() {
        let settings = settle(&[], &[], &[]).unwrap();
        assert_eq!(settings.target, TargetChoice::None);
        let limits = settings.limits;
        assert_eq!(limits.wait, Duration::ZERO);
        assert_eq!(limits.lock_timeout, LockTimeout::from_millis(1_500));
        assert_eq!(limits.lock_retries, 30);
        assert_eq!(limits.lock_budget, Duration::from_mins(10));
        assert_eq!(limits.runner_lock_timeout, Duration::from_mins(15));
        assert_eq!(limits.statement_timeout, None);
        assert_eq!((settings.format, settings.color, settings.verbosity), Default::default());
        for info in SETTINGS.iter().filter(|info| info.flag.ends_with("timeout") && !info.default.is_empty()) {
            assert!(parse_duration(info.default).is_some());
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = ("LOCK", ".env", "HRMS_MIGRATE_LOCK_RETRIES=3\nHRMS_MIGRATE_LOCK_RETRIES=4\n");
        let files = [(file.1, file.2)];
        let environment = [("HRMS_MIGRATE_LOCK_RETRIES", "5")];
        let retries = |result: Result<Settings, ConfigError>| result.unwrap().limits.lock_retries;
        assert_eq!(retries(settle(&[(Setting::LockRetries, "6")], &environment, &files)), 6);
        assert_eq!(retries(settle(&[], &environment, &files)), 5);
        assert_eq!(retries(settle(&[], &[], &files)), 4);
        assert_eq!(retries(settle(&[], &[("HRMS_MIGRATE_LOCK_RETRIES", "")], &files)), 4);
        assert_eq!(retries(settle(&[(Setting::NoEnvFile, "true")], &[], &files)), 30);
        assert_eq!(retries(settle(&[], &[("HRMS_MIGRATE_NO_ENV_FILE", "1")], &files)), 30);
    }

    #[test]
    fn the_database_is_named_by_the_nearest() {
        let named = |flags: &[(Setting, &str)], environment: &[(&str, &str)], file: &str| {
            target(&settle(flags, environment, &[(".env", file)]).unwrap()).to_string()
        };
        let file = "DATABASE_URL=postgres://f/x\nHRMS_MIGRATE_DATABASE_URL=postgres://g/x\n";
        assert_eq!(named(&[], &[], file), "x @ g:5432");
        assert_eq!(named(&[], &[("DATABASE_URL", "postgres://e/x")], file), "x @ e:5432");
        let both = [("DATABASE_URL", "postgres://e/x"), ("HRMS_MIGRATE_DATABASE_URL", "postgres://o/x")];
        assert_eq!(named(&[], &both, file), "x @ o:5432");
        assert_eq!(named(&[(Setting::DatabaseUrl, "postgres://t/x")], &both, file), "x @ t:5432");
        assert_eq!(named(&[], &[("PGHOST", "h"), ("PGDATABASE", "d")], ""), "d @ h:5432");
        assert_eq!(named(&[], &[("PGPORT", "6000")], "PGHOST=h\nPGPORT=1\nPGUSER=u"), "u @ h:6000");
        assert_eq!(named(&[], &[("PGHOST", "h"), ("DATABASE_URL", "")], ""), "h:5432");
    }

    #[test]
    fn libpq_variables_fill_what_the_url_leaves_open() {
        let environment = [("DATABASE_URL", "postgres://u@db/x"), ("PGPASSWORD", "geheim"), ("PGUSER", "other")];
        let settings = settle(&[], &environment, &[(".env", "PGSSLMODE=require\nPGPASSWORD=nicht")]).unwrap();
        let conninfo = target(&settings).conninfo();
        assert!(
            conninfo.starts_with("user='u' host='db' dbname='x' password='geheim' sslmode='require' fallback_"),
            "{conninfo}"
        );
        assert!(conninfo.contains(" connect_timeout='10' keepalives_idle='10'"), "{conninfo}");
        assert!(!format!("{settings:?}").contains("geheim"));
        let settings = settle(&[(Setting::ConnectTimeout, "1500ms")], &environment, &[]).unwrap();
        assert_eq!(target(&settings).get("connect_timeout"), Some("2"));
    }

    #[test]
    fn a_service_is_left_to_libpq_unless_only_the_file_says_where_services_stand() {
        let settings = settle(&[], &[("PGSERVICE", "payroll"), ("PGHOST", "h")], &[]).unwrap();
        let conninfo = target(&settings).conninfo();
        assert!(conninfo.starts_with("service='payroll' fallback_application_name='hrms-migrate/"), "{conninfo}");
        assert!(!conninfo.contains("connect_timeout") && !conninfo.contains("host"), "{conninfo}");

        let services = "# all\n[other]\nhost=o\n[payroll]\nhost=p\ndbname=d\n\n[payroll]\nport=1\n";
        let files = [(".env", "PGSERVICE=payroll\nPGSERVICEFILE=services\nPGHOST=h"), ("services", services)];
        assert_eq!(target(&settle(&[], &[], &files).unwrap()).to_string(), "d @ p:5432");
        check_error(settle(&[], &[], &files[..1]), "PGSERVICEFILE (.env:2): there is no file services", 66);
    }

    #[test]
    fn system_certificates_are_found_where_the_distribution_keeps_them() {
        let url = ("DATABASE_URL", "postgres://db/x?sslrootcert=system");
        let files = [("/etc/ssl/cert.pem", "")];
        let settings = settle(&[], &[url], &files).unwrap();
        assert_eq!(target(&settings).get("sslrootcert"), Some("/etc/ssl/cert.pem"));
        assert_eq!(target(&settings).get("sslmode"), Some("verify-full"));
        let settings = settle(&[], &[url, ("SSL_CERT_DIR", "/certs")], &files).unwrap();
        assert_eq!(target(&settings).get("sslrootcert"), Some("system"));
    }

    #[test]
    fn a_bad_value_names_where_it_stands() {
        let file = [(".env", "\nHRMS_MIGRATE_WAIT=soon\n")];
        let text = "\"soon\" is not a duration of at most 24 days, such as 500ms, 60s, 5m or 1h";
        check_error(settle(&[(Setting::Wait, "soon")], &[], &[]), &format!("--wait: {text}"), 64);
        let environment = [("HRMS_MIGRATE_WAIT", "soon")];
        check_error(settle(&[], &environment, &[]), &format!("environment variable HRMS_MIGRATE_WAIT: {text}"), 78);
        check_error(settle(&[], &[], &file), &format!("HRMS_MIGRATE_WAIT (.env:2): {text}"), 78);
        check_error(
            settle(&[(Setting::Format, "yaml")], &[], &[]),
            "--format: \"yaml\" is not text, json, markdown, junit, github or html",
            64,
        );
        check_error(
            settle(&[(Setting::Allow, "drop,rewrites")], &[], &[]),
            "--allow: \"rewrites\" is not a hazard: rewrite, data-loss, blocking-lock, drop, column-reorder, breaking",
            64,
        );
        check_error(
            settle(&[], &[("HRMS_MIGRATE_ATOMIC", "maybe")], &[]),
            "environment variable HRMS_MIGRATE_ATOMIC: \"maybe\" is not true or false",
            78,
        );
        check_error(
            settle(&[(Setting::LockRetries, "0")], &[], &[]),
            "--lock-retries: \"0\" is not a number of attempts between 1 and 100000",
            64,
        );
        check_error(settle(&[(Setting::Schema, "")], &[], &[]), "--schema: \"\" is not a value", 64);
        check_error(
            settle(&[(Setting::Report, "json")], &[], &[]),
            "--report: \"json\" is not FORMAT=FILE with FORMAT text, json, markdown, junit, github or html",
            64,
        );
        check_error(
            settle(&[(Setting::Quiet, "true"), (Setting::Verbose, "1")], &[], &[]),
            "--quiet and --verbose exclude each other",
            64,
        );
    }

    #[test]
    fn a_bad_url_is_named_and_not_shown() {
        let file = [(".env", "DATABASE_URL=mysql://u:geheim@db/x\n")];
        let error = settle(&[], &[], &file).unwrap_err();
        assert_eq!(error.to_string(), "DATABASE_URL (.env:1): this is a mysql URL, not a PostgreSQL one");
        assert!(!format!("{error:?} {}", error.help()).contains("geheim"));
        check_error(
            settle(&[(Setting::DatabaseUrl, "hrms")], &[], &[]),
            "--database-url: this is neither a postgres:// URL nor a list of keyword=value pairs",
            64,
        );
    }

    #[test]
    fn env_files_are_missing_broken_or_another_one() {
        check_error(settle(&[(Setting::EnvFile, "x.env")], &[], &[]), "--env-file: there is no file x.env", 66);
        check_error(settle(&[], &[], &[(".env", "A=1\nB")]), ".env:2 cannot be read as NAME=value", 78);
        let flags = [(Setting::EnvFile, "x.env"), (Setting::NoEnvFile, "true")];
        check_error(settle(&flags, &[], &[]), "--no-env-file and --env-file exclude each other", 64);
        let files = [(".env", "PGHOST=a"), ("x.env", "PGHOST=b")];
        let settings = settle(&flags[..1], &[("HRMS_MIGRATE_NO_ENV_FILE", "true")], &files).unwrap();
        assert_eq!(target(&settings).place(), "b:5432");
        let read = |_: &Path| Err(ReadFailure::Other("permission denied".to_owned()));
        let result = Settings::settle(&Flags::default(), &Environment::default(), Path::new("/app"), &read);
        check_error(result, ".env cannot be read: permission denied", 78);
    }

    #[test]
    fn lists_are_repeated_or_separated_by_commas() {
        let flags = [(Setting::Allow, "rewrite"), (Setting::Allow, "drop, rewrite"), (Setting::Only, "010,20")];
        let settings = settle(&flags, &[("HRMS_MIGRATE_SKIP", "ensure/040_half_days.sql,tasks")], &[]).unwrap();
        assert_eq!(settings.allow, [Hazard::Rewrite, Hazard::Drop]);
        assert_eq!(settings.selection.only, [ScriptName::Number(10), ScriptName::Number(20)]);
        let [file, topic] = settings.selection.skip.as_slice() else { panic!() };
        assert!(file.matches(Some(40), "040_half_days") && !file.matches(Some(50), "050_half_days"));
        assert!(topic.matches(Some(100), "100_tasks") && !topic.matches(Some(100), "100_tasks_2"));
    }

    #[test]
    fn colour_follows_the_customs() {
        let color = |environment: &[(&str, &str)]| settle(&[], environment, &[]).unwrap().color;
        assert_eq!(color(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), Color::Never);
        assert_eq!(color(&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")]), Color::Always);
        assert_eq!(color(&[("CLICOLOR_FORCE", "0")]), Color::Auto);
        assert_eq!(color(&[("NO_COLOR", "1"), ("HRMS_MIGRATE_COLOR", "always")]), Color::Always);
    }

    #[test]
    fn unknown_variables_and_lost_dollars_are_told() {
        let file = "HRMS_MIGRATE_OLD=1\nPGHOST=h\nPGPASSWORD=a$bc\nOTHER=$x\nHRMS_MIGRATE_ENV_FILE=y\n";
        let settings = settle(&[], &[("HRMS_MIGRATE_WIAT", "5")], &[(".env", file)]).unwrap();
        let unknown: Vec<String> = settings.unknown_variables.iter().map(ToString::to_string).collect();
        assert_eq!(unknown, ["environment variable HRMS_MIGRATE_WIAT", "HRMS_MIGRATE_OLD (.env:1)"]);
        let [dollar, file] = settings.notes.as_slice() else { panic!("{:?}", settings.notes) };
        assert!(dollar.starts_with("PGPASSWORD (.env:3): a \"$\" was read as a variable"), "{dollar}");
        assert_eq!(file, "HRMS_MIGRATE_ENV_FILE (.env:5) has no effect inside such a file");
    }
}
