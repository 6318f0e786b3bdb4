//! The front door: what the command line calls, and what a backend calls at start-up.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use include_dir::Dir;

use crate::{
    config::{
        ConfigError, Environment, Flags, ReadFailure, Setting, Settings, TargetChoice, process_environment, read_file,
    },
    diagnostic::{Diagnostic, Outcome},
    diff::Inverse,
    event::{Command, Event, Place, Report},
    exec::Interrupt,
    journal::{Back, Filter},
    pg::{Hazard, Ident},
};

use super::{
    adopt::Keeper,
    aside::conclude,
    diff,
    history::{self, Wish},
    inverses,
    load::EMBEDDED,
    look,
    repair::repair,
    rollback::rollback,
    run::{Extra, check, operate},
};

/// Scripts and a database, and everything that can be done with the two.
///
/// Nothing here prints, reads the environment (but for [`Migrator::from_environment`]) or catches signals. All of it blocks:
/// an asynchronous backend calls it where blocking is allowed (`tokio::task::spawn_blocking`).
///
/// A backend that only wants to know whether it may start:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let migrator = hrms_migrate::Migrator::new("postgresql://app@db/hrms")?;
/// // Read-only; a few milliseconds on a database that is as declared.
/// migrator.ready()?;
/// # Ok(())
/// # }
/// ```
///
/// One that brings its database up to date, with scripts of its own, and logs what happens:
///
/// ```no_run
/// use hrms_migrate::{Migrator, event::Event};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let migrator = Migrator::new("postgresql://owner@db/hrms")?.directory("ensure");
/// let report = migrator.run(|event| {
///     if let Event::StepBegins(step) = event {
///         println!("{}", step.object);
///     }
/// });
/// for diagnostic in &report.diagnostics {
///     println!("{}", diagnostic.what);
/// }
/// assert!(report.outcome.is_none(), "the schema is not as declared");
/// # Ok(())
/// # }
/// ```
///
/// Scripts that are compiled into the backend, with the crate `include_dir`:
///
/// ```no_run
/// use include_dir::{Dir, include_dir};
///
/// static SCRIPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/ensure");
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let plan = hrms_migrate::Migrator::new("postgresql://app@db/hrms")?.embedded(&SCRIPTS).plan(|_| {});
/// for script in &plan.scripts {
///     println!("{}: {} steps", script.name.title, script.steps.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Migrator {
    settings: Settings,
    embedded: &'static Dir<'static>,
    interrupt: Arc<Interrupt>,
}

impl Migrator {
    /// Takes the HRMS scripts that are compiled in, and the database that `url` names: a URL, or libpq's `keyword=value`
    /// pairs. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`ConfigError`] where the URL cannot be read. It holds no password.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        let flags = Flags::default().with(Setting::DatabaseUrl, url);
        let none = |_: &Path| Err(ReadFailure::Missing);
        Settings::settle(&flags, &Environment::default(), Path::new(""), &none).map(Self::from_settings)
    }

    /// Takes what the environment and `.env` say, as the command line does without a flag.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable or the line that is wrong.
    #[expect(clippy::disallowed_methods, reason = "the current directory is where `.env` is looked for")]
    pub fn from_environment() -> Result<Self, ConfigError> {
        let directory = std::env::current_dir().unwrap_or_default();
        Settings::settle(&Flags::default(), &process_environment(), &directory, &read_file).map(Self::from_settings)
    }

    /// Takes settings that are settled already; all that the command line knows can be set there.
    #[must_use]
    pub fn from_settings(settings: Settings) -> Self {
        Self { settings, embedded: &EMBEDDED, interrupt: Arc::new(Interrupt::never()) }
    }

    /// Takes the scripts of a directory, and the base migrations in its `base`, instead of those compiled in.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.dir = Some(directory.into());
        self
    }

    /// Takes scripts that are compiled into the caller.
    #[must_use]
    pub fn embedded(mut self, scripts: &'static Dir<'static>) -> Self {
        self.settings.dir = None;
        self.embedded = scripts;
        self
    }

    /// Sets the schema of unqualified names, instead of the first fitting one on `search_path`.
    #[must_use]
    pub fn schema(mut self, name: &str) -> Self {
        self.settings.schema = Some(Ident::new(name));
        self
    }

    /// Accepts a hazard for every statement.
    #[must_use]
    pub fn allow(mut self, hazard: Hazard) -> Self {
        if !self.settings.allow.contains(&hazard) {
            self.settings.allow.push(hazard);
            self.settings.allow.sort_unstable();
        }
        self
    }

    /// Stops what is going on when `interrupt` says so.
    #[must_use]
    pub fn interrupted_by(mut self, interrupt: Arc<Interrupt>) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// Returns the settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes the database what the scripts say.
    ///
    /// Looks first: where everything holds, nothing is locked, written or sent but questions. Otherwise one run at a time
    /// works. Everything that is bound to fail is found before the first change. `on_event` is told what happens.
    ///
    /// Where the settings say so, a backup is made before the first change ([`Settings::backup`]), and the user's commands are run
    /// ([`Settings::hooks`]); what these write goes to standard error. [`Report::aside`] tells of both.
    #[must_use]
    pub fn run(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        let report = self.operate(Command::Run, &mut on_event);
        conclude(&self.settings, &self.interrupt, report, &mut on_event)
    }

    /// Finds out what [`Migrator::run`] would do, without doing it. Read-only.
    #[must_use]
    pub fn plan(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        self.operate(Command::Plan, &mut on_event)
    }

    /// As [`Migrator::plan`], and finds out what statements would do that cannot be read (a `DO` block, a rule): they are carried
    /// out on a scratch database, a copy of everything in the database but its rows, which is thrown away. Where that is says
    /// [`Settings::scratch`]. The database itself is only read. [`Report::rehearsal`] has what was found.
    #[must_use]
    pub fn rehearse(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        operate(Command::Plan, Extra::Rehearsal, &self.settings, self.embedded, &self.interrupt, &mut on_event)
    }

    /// Returns what would take back what [`Migrator::run`] would do now: for each statement that would change something its place and
    /// its inverse, in the order of the scripts; carried out from the last to the first they undo all of it. Read-only. What only an
    /// earlier statement makes known is left out, as it is in a plan.
    ///
    /// # Errors
    /// What is wrong with the scripts, or stands in the way.
    pub fn inverses(&self) -> Result<Vec<(String, Inverse)>, Vec<Diagnostic>> {
        inverses::inverses(&self.settings, self.embedded, &self.interrupt)
    }

    /// Compares the database with what the scripts say, and asks their `verify` queries. Read-only.
    #[must_use]
    pub fn verify(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        self.operate(Command::Verify, &mut on_event)
    }

    /// As [`Migrator::verify`], and tells what is in the schema and no script speaks of: that is a difference too. Read-only.
    #[must_use]
    pub fn verify_strictly(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        operate(Command::Verify, Extra::Strict, &self.settings, self.embedded, &self.interrupt, &mut on_event)
    }

    /// Tells object by object what differs between the scripts and the database, with the statements that would end it, and
    /// what is in the schema and no script speaks of. Read-only.
    #[must_use]
    pub fn diff(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        self.operate(Command::Diff, &mut on_event)
    }

    /// Tells object by object what differs between the database and another one, and the statements that make the first what
    /// the second is. No script is read. Read-only on both.
    #[must_use]
    pub fn diff_against(&self, other: &TargetChoice, mut on_event: impl FnMut(Event<'_>)) -> Report {
        diff::against(&self.settings, other, &self.interrupt, &mut on_event)
    }

    /// Finds out how each script stands, as [`Migrator::plan`] does, but waits no longer than 200 ms for any question about
    /// rows that are to be filled: what is not known by then is unverified. Read-only.
    #[must_use]
    pub fn status(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        self.operate(Command::Status, &mut on_event)
    }

    /// As [`Migrator::status`], with the last runs and the backfills that are open, as the journal has them. Read-only.
    #[must_use]
    pub fn status_and_history(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        operate(Command::Status, Extra::Memory, &self.settings, self.embedded, &self.interrupt, &mut on_event)
    }

    /// Takes back what runs have changed, by what the journal of this database remembers.
    ///
    /// What a run has made is dropped, what was there before comes back as it was; each object under the lock budget and in the
    /// form that [`Migrator::run`] would take for it. Where rows or values would be lost nothing is changed, unless
    /// [`Hazard::DataLoss`] is allowed.
    #[must_use]
    pub fn rollback(&self, back: &Back, mut on_event: impl FnMut(Event<'_>)) -> Report {
        let report = rollback(&self.settings, back, Command::Run, &self.interrupt, &mut on_event);
        conclude(&self.settings, &self.interrupt, report, &mut on_event)
    }

    /// Finds out what [`Migrator::rollback`] would do, without doing it. Read-only.
    #[must_use]
    pub fn plan_rollback(&self, back: &Back, mut on_event: impl FnMut(Event<'_>)) -> Report {
        rollback(&self.settings, back, Command::Plan, &self.interrupt, &mut on_event)
    }

    /// Writes what holds already into the journal as done, on a database that something else has made: by the catalog, so that
    /// nothing is believed. Base migrations that hold go into diesel's books. The report has what does not hold, as
    /// [`Migrator::plan`]. `keeper`: say what its books say.
    #[must_use]
    pub fn adopt(&self, keeper: Option<Keeper>, mut on_event: impl FnMut(Event<'_>)) -> Report {
        let extra = Extra::Adoption(keeper);
        operate(Command::Plan, extra, &self.settings, self.embedded, &self.interrupt, &mut on_event)
    }

    /// Writes everything into the journal as done, whether it holds or not, and base migrations into diesel's books. The next
    /// [`Migrator::run`] goes by the catalog all the same.
    #[must_use]
    pub fn stamp(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        operate(Command::Plan, Extra::Stamp, &self.settings, self.embedded, &self.interrupt, &mut on_event)
    }

    /// Mends what interrupted work has left behind: invalid indexes are built anew, constraints that are not validated are, and
    /// what is left of changes that were not finished is dropped. Scripts play no part in it.
    #[must_use]
    pub fn repair(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        let report = repair(&self.settings, Command::Run, &self.interrupt, &mut on_event);
        conclude(&self.settings, &self.interrupt, report, &mut on_event)
    }

    /// Finds out what [`Migrator::repair`] would do, without doing it. Read-only.
    #[must_use]
    pub fn plan_repair(&self, mut on_event: impl FnMut(Event<'_>)) -> Report {
        repair(&self.settings, Command::Plan, &self.interrupt, &mut on_event)
    }

    /// Tells what the journal remembers. Read-only; no script is read.
    #[must_use]
    pub fn history(&self, filter: &Filter, mut on_event: impl FnMut(Event<'_>)) -> Report {
        history::history(&self.settings, filter, &self.interrupt, &mut on_event)
    }

    /// Lists the backfills that are open, after asking for something else of one: of the one that is named, or the only one.
    #[must_use]
    pub fn backfill(&self, wish: Option<(Wish, Option<i64>)>, mut on_event: impl FnMut(Event<'_>)) -> Report {
        history::backfill(&self.settings, wish, &self.interrupt, &mut on_event)
    }

    /// Reads and judges all scripts without a database.
    #[must_use]
    pub fn check(&self) -> Report {
        check(&self.settings, self.embedded)
    }

    /// Waits until the server accepts connections, for as long as the settings say.
    ///
    /// # Errors
    /// Why it does not, when the time is over or waiting is no use.
    pub fn wait(&self, mut on_event: impl FnMut(Event<'_>)) -> Result<Place, Box<Diagnostic>> {
        let site = look::connect(&self.settings, None, &self.interrupt, &mut on_event)?;
        Ok(Place { server: site.server.clone(), embedded: site.embedded, ..Place::default() })
    }

    /// Returns where the database is if it is what this program expects, for a backend that is about to start.
    ///
    /// Read-only: one look at the catalog, no runner lock, no lock above ACCESS SHARE. What could not be found out, such as
    /// rows that the role may not read, is no difference. The `verify` queries are left to [`Migrator::verify`]: they may take
    /// as long as they like.
    ///
    /// # Errors
    /// [`NotReady`]: what differs, or why that could not be found out.
    pub fn ready(&self) -> Result<Place, NotReady> {
        let report = self.status(|_| {});
        let steps = || report.scripts.iter().flat_map(|script| &script.steps);
        if let (None, None, Some(place)) = (report.diagnostics.first(), steps().next(), &report.place) {
            return Ok(place.clone());
        }
        let mut differs: Vec<String> = steps().map(|step| format!("{}: not as declared", step.object)).collect();
        differs.extend(report.diagnostics.iter().map(|diagnostic| diagnostic.what.clone()));
        Err(NotReady { differs, report: Box::new(report) })
    }

    fn operate(&self, command: Command, emit: &mut dyn FnMut(Event<'_>)) -> Report {
        operate(command, Extra::Nothing, &self.settings, self.embedded, &self.interrupt, emit)
    }
}

/// A database is not what this program expects, or it could not be asked.
#[derive(Clone, Debug)]
pub struct NotReady {
    /// What differs, or why that could not be found out: one line each, never empty. No secret and no content of a row.
    pub differs: Vec<String>,
    /// All that was found: the steps that [`Migrator::run`] would take, and what stands in their way.
    pub report: Box<Report>,
}

impl NotReady {
    /// Returns whether the database was asked and answered: it is there, and it differs. Otherwise trying again later may
    /// help.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.report.place.is_some() && self.report.outcome.is_none_or(|outcome| outcome == Outcome::Refused)
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        f.write_str("the database is not ready: ")?;
        f.write_str(&self.differs[..self.differs.len().min(SHOWN)].join("; "))?;
        match self.differs.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for NotReady {}
