//! What can happen during a run, as plain data, and what a run comes to: the seam between doing and telling.
//!
//! Whoever carries out emits [`Event`]s; terminal and JSON are readers of one stream. At the end everything stands once more
//! in one [`Report`], which is what `--report` writes.

use std::time::Duration;

use crate::{
    catalog::Snapshot,
    diagnostic::{Diagnostic, Outcome},
    diff::{Difference, Effect, RowsMoved},
    journal::History,
    pg::RowCount,
    plan::{Checked, Form, State, Step, TableSize, Verb},
    script::ScriptId,
};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The server does not answer yet, or not while somebody holds a table; it is asked again.
    WaitingForServer {
        /// Why it does not answer.
        why: String,
        /// How long we have waited.
        waited: Duration,
    },
    /// The server answered.
    Connected(&'a Place),
    /// Another run holds the runner lock.
    WaitingForRunner {
        /// The session that holds it, where it can be seen.
        pid: Option<i32>,
        /// How long we have waited.
        waited: Duration,
    },
    /// A script's turn has come and it has something to do.
    ScriptBegins {
        /// The script.
        script: &'a ScriptName,
        /// How many steps it has.
        steps: usize,
    },
    /// A question about rows is asked, which may take a while.
    Asking {
        /// What is asked, in words.
        what: &'a str,
    },
    /// A step is sent.
    StepBegins(&'a Step),
    /// Some more rows of a step are changed and committed.
    Batch {
        /// The step.
        step: &'a Step,
        /// The rows changed so far.
        rows: RowCount,
        /// The pages gone through, and the pages of the table. Where others have moved rows, it is gone through again.
        pages: (u64, u64),
        /// How long the step takes so far.
        elapsed: Duration,
    },
    /// An index is being built, or rows are read for a constraint.
    Building {
        /// The step.
        step: &'a Step,
        /// What the server is at, in its own words where it has any.
        phase: &'a str,
        /// How much of that is done.
        percent: Option<u8>,
        /// The session that it waits for, in words.
        waits_for: Option<String>,
        /// How long the step takes so far.
        elapsed: Duration,
    },
    /// The next batch waits until others have caught up.
    WaitingForOthers {
        /// The step.
        step: &'a Step,
        /// Who has to: `replica "standby" is 120 MB behind`.
        who: &'a str,
        /// How long it has been waited for.
        waited: Duration,
    },
    /// A step is done; in a transaction it still has to be committed.
    StepDone {
        /// The step.
        step: &'a Step,
        /// How long it took.
        elapsed: Duration,
        /// The rows that it changed, for statements that change rows.
        rows: Option<RowCount>,
    },
    /// An attempt did not get its lock, or lost against another session, and was undone; it is tried again after a pause.
    Retry {
        /// The step.
        step: &'a Step,
        /// Which attempt it was, counted from 1.
        attempt: u32,
        /// Why, in words.
        why: String,
        /// Who is in the way, in words.
        blockers: Vec<String>,
        /// How long until the next.
        pause: Duration,
    },
    /// Others may have waited for locks that this run asked for or held.
    Blocked {
        /// For how long at once.
        longest: Duration,
        /// For how long in all.
        total: Duration,
    },
    /// A script's groups are committed.
    ScriptEnds(&'a ScriptReport),
    /// A backup is being made, before the first change.
    BackingUp {
        /// Where it will be.
        file: &'a str,
        /// How large it is by now.
        bytes: u64,
        /// How long it takes so far.
        elapsed: Duration,
    },
    /// A command of the user's is run; what it writes goes to standard error.
    HookBegins {
        /// The name of its flag: `before-run`.
        hook: &'static str,
    },
    /// The command is done, as the report says. All that still comes are commands of the user's, which may want to read it.
    Concluded(&'a Report),
    /// Something worth a line.
    Note(String),
}

/// Where a run works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The database.
    pub database: String,
    /// `db:5432`, `local socket`, or `embedded in .hrms-migrate`.
    pub server: String,
    /// `15.18`.
    pub version: String,
    /// The role.
    pub role: String,
    /// The schema in which unqualified names live.
    pub schema: Option<String>,
    /// Whether it is the embedded engine.
    pub embedded: bool,
}

/// A script by what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptName {
    /// Its place in the order.
    pub id: ScriptId,
    /// `010`, or `base`.
    pub number: String,
    /// Its title, or its file's name without the number.
    pub title: String,
    /// Its path.
    pub path: String,
}

/// Which command a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `run`.
    Run,
    /// `plan`.
    Plan,
    /// `verify`.
    Verify,
    /// `status`.
    Status,
    /// `diff`.
    Diff,
    /// `history`.
    History,
    /// `backfill`.
    Backfill,
    /// `check`.
    Check,
}

impl Command {
    /// Returns its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Plan => "plan",
            Self::Verify => "verify",
            Self::Status => "status",
            Self::Diff => "diff",
            Self::History => "history",
            Self::Backfill => "backfill",
            Self::Check => "check",
        }
    }
}

/// Everything that a command came to: the one value that every format is drawn from.
#[derive(Clone, Debug)]
pub struct Report {
    /// The command.
    pub command: Command,
    /// Where; `None` when no connection was made.
    pub place: Option<Place>,
    /// The base migrations; `None` where there are none.
    pub base: Option<BaseReport>,
    /// The scripts in order.
    pub scripts: Vec<ScriptReport>,
    /// What was compared; `None` where it did not come to that.
    pub verification: Option<Verification>,
    /// What differs, object by object (`diff`, `verify --strict`); `None` where that was not asked.
    pub comparison: Option<Comparison>,
    /// What statements did on a scratch database that cannot be read; `None` where that was not asked (`plan --rehearse`).
    pub rehearsal: Option<Rehearsal>,
    /// What the journal remembers: all that was asked for by `history`, the last runs in `status`. `None` where it was not asked, or
    /// there is no journal.
    pub history: Option<History>,
    /// What it is called, where what is run or planned is no script of the user's: `rollback`, `repair`.
    pub guise: Option<&'static str>,
    /// The catalog that was looked at, where one can be shown.
    pub look: Option<Box<Look>>,
    /// Everything that went wrong or is worth knowing, in the order in which it was found.
    pub diagnostics: Vec<Diagnostic>,
    /// How long all of it took.
    pub elapsed: Duration,
    /// For how long others may have waited for strong locks of this run; zero where it asked for none.
    pub blocked: Blocked,
    /// What was done besides the changes.
    pub aside: Aside,
    /// How it ended; `None` is success.
    pub outcome: Option<Outcome>,
    /// The signal that ended it early, as a number.
    pub interrupted: Option<i32>,
}

/// What a run does besides its changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// Whether the run came to the place before its first change, where the command of `--before-run` is run.
    pub begun: bool,
    /// Its number in the journal, where it is in there.
    pub run: Option<i64>,
    /// The backup, where one was asked for and there is something to change.
    pub backup: Option<Backup>,
    /// The commands of the user's that were run.
    pub hooks: Vec<HookReport>,
}

/// A backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is, or would be.
    pub file: String,
    /// How large it is; `None` where it was not made yet.
    pub bytes: Option<u64>,
    /// How long it took.
    pub elapsed: Duration,
}

/// A command of the user's that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookReport {
    /// The name of its flag: `before-run`.
    pub hook: &'static str,
    /// Why it failed, in words; `None` where it did not.
    pub failure: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// For how long others may have waited: from the moment at which a strong lock was asked for to the end of its transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// At once, at most.
    pub longest: Duration,
    /// In all.
    pub total: Duration,
}

/// The base migrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseReport {
    /// How many there are.
    pub total: usize,
    /// The versions that diesel's table did not have when the run looked.
    pub open: Vec<String>,
    /// Those recorded by this run.
    pub recorded: Vec<String>,
    /// Why they could not be recorded, where they could not.
    pub unrecorded: Option<String>,
}

/// The catalog as it was found and as it would be: what a picture of the schema is drawn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// As it was found.
    pub found: Snapshot,
    /// As it is once the plan is carried out.
    pub planned: Snapshot,
}

/// What a script came to.
#[derive(Clone, Debug)]
pub struct ScriptReport {
    /// The script.
    pub name: ScriptName,
    /// How it stands.
    pub state: ScriptState,
    /// How many statements it has.
    pub size: usize,
    /// Its steps: carried out in `run`, to be carried out in `plan`.
    pub steps: Vec<StepReport>,
    /// Its statements that are not plainly satisfied: what they are and how they stand.
    pub statements: Vec<StatementReport>,
    /// How long its steps took.
    pub elapsed: Duration,
}

/// How a script stands in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptState {
    /// Everything it says held already.
    AlreadyTrue,
    /// It was carried out (`run`) or would change something (`plan`).
    Changed,
    /// Something stands in the way.
    Conflicting,
    /// Something of it could not be found out; the rest holds. Only `status` says so: elsewhere the statements do.
    Unverified,
    /// A step of it failed.
    Failed,
    /// The run ended before its turn.
    NotReached,
    /// It was left out by `--only`, `--skip` or `--to`.
    LeftOut,
}

/// A statement that needs a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementReport {
    /// `ensure/010_user_columns.sql:7:1`.
    pub location: String,
    /// How it stands.
    pub state: State,
    /// What is to be done, where that is known only once earlier statements have run.
    pub pending: Option<Pending>,
}

/// A statement whose guard can be asked only once earlier statements have run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its guards.
    pub guards: Vec<GuardReport>,
    /// Its text.
    pub sql: String,
    /// How many steps of its script come before it.
    pub steps_before: usize,
}

/// A step, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// The place in its script that asks for it: `ensure/010_user_columns.sql:7:1`.
    pub location: String,
    /// The guards that let its statement apply.
    pub guards: Vec<GuardReport>,
    /// What it does to its object.
    pub verb: Verb,
    /// The object.
    pub object: String,
    /// What is sent.
    pub sql: String,
    /// The form, and why.
    pub form: Form,
    /// How large the table is that it is about, where it is there already and has been counted.
    pub size: Option<TableSize>,
    /// The transaction that it shares with others, counted from 1 in the plan; `None` outside of one.
    pub transaction: Option<usize>,
    /// What is locked before this step, the first of its transaction: statements; empty where each lock comes with its step.
    pub locks_first: String,
    /// The lock: its mode, and in plain words what it stops.
    pub lock: Option<(String, &'static str)>,
    /// The names of its hazards.
    pub hazards: Vec<&'static str>,
    /// The longest wait for a lock, in milliseconds.
    pub lock_timeout_ms: u64,
    /// The longest it may run, in milliseconds; 0 is no limit.
    pub statement_timeout_ms: u64,
    /// How it ended.
    pub end: StepEnd,
    /// Whether a run changes its rows in batches; `sql` is all of them at once.
    pub in_batches: bool,
    /// Whether triggers of others do not fire for the rows it changes.
    pub as_replica: bool,
    /// How long it took, where it was sent.
    pub elapsed: Option<Duration>,
    /// The rows that it changed.
    pub rows: Option<RowCount>,
    /// How often it was tried.
    pub attempts: u32,
}

/// A guard of a statement: `when` or `unless`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardReport {
    /// The query.
    pub query: String,
    /// What it has to return for the statement to apply: true for `when`.
    pub applies_if: bool,
}

/// The end of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// Planned only.
    Planned,
    /// Done and committed.
    Applied,
    /// Undone, because a later step of its transaction failed.
    Undone,
    /// It failed.
    Failed,
    /// The run ended before its turn.
    NotReached,
}

/// What was compared with the catalog at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Every object that was looked at.
    pub checked: Vec<Checked>,
    /// Whether everything is as declared.
    pub complete: bool,
    /// What could not be found out, in words.
    pub unverified: Vec<String>,
    /// `verify` queries: what they say, and how many rows they returned (0 is right).
    pub queries: Vec<(String, u64)>,
}

/// What differs, object by object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The second database, where two are compared; otherwise the scripts are what the database is compared with.
    pub against: Option<Place>,
    /// What differs: of two databases in an order in which the statements can be carried out.
    pub differences: Vec<Difference>,
}

/// What statements did on a scratch database that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Where it took place; `None` where there was nothing to rehearse.
    pub place: Option<Place>,
    /// How the scratch database differs from the database, one sentence each.
    pub unlike: Vec<String>,
    /// The statements in their order.
    pub trials: Vec<Trial>,
}

/// A statement that was rehearsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// `ensure/010_user_columns.sql:7:1`.
    pub location: String,
    /// What it is: `DO`.
    pub object: String,
    /// What was sent.
    pub sql: String,
    /// How it ended.
    pub end: TrialEnd,
    /// What it made, changed and dropped.
    pub effects: Vec<Effect>,
    /// The tables that have more rows than before, or fewer.
    pub moved: Vec<RowsMoved>,
    /// The rows that it changed, where the server tells.
    pub rows: Option<RowCount>,
    /// How long it took.
    pub elapsed: Duration,
}

/// How a rehearsed statement ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialEnd {
    /// It was carried out.
    Done,
    /// It was carried out, and its guard goes on asking for it.
    AsksOn,
    /// The server refused it: what it says. The report has a message with the place.
    Failed(String),
}

impl Report {
    /// Returns the name of the command, as it is typed.
    #[must_use]
    pub const fn command_name(&self) -> &'static str {
        match self.guise {
            Some(name) => name,
            None => self.command.name(),
        }
    }

    /// Returns the exit code of the command: that of the signal, of the worst error, or 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let of_outcome = self.outcome.map_or(0, Outcome::exit_code);
        self.interrupted.map_or(of_outcome, |signal| u8::try_from(signal.saturating_add(128)).unwrap_or(1))
    }

    /// Returns how many scripts changed, were already true, conflict, failed, in that order.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        let of = |state: ScriptState| self.scripts.iter().filter(|script| script.state == state).count();
        (of(ScriptState::Changed), of(ScriptState::AlreadyTrue), of(ScriptState::Conflicting), of(ScriptState::Failed))
    }
}
