//! What a run writes down: the journal opened when there is something to remember, an entry for each step.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf, absolute},
    sync::mpsc::{self, Receiver},
    thread::{self, Scope},
};

use crate::{
    catalog::Snapshot,
    config::Settings,
    db::{BaseVersion, Control, JournalError, KeptJournal, ServerError, ServerErrorKind, Session},
    diagnostic::{Code, Diagnostic, Severity},
    diff,
    exec::{Failure, Group},
    goal::{Goal, GoalKind, StatementId},
    journal::{Change, Entry, Inverse, InverseNotes, Keeping, KeptNotes, NewRun, RunEnd, write_left},
    plan::{Moved, Plan, State, StatementPlan, Step, Transaction, Verb},
    script::ScriptId,
    sql,
};

use super::{errors, load::read_down, look::Subject, rollback::base_of, run::Operation, tell::worst_of};

/// The memory of one run.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The journal, once something is to be remembered.
    pub(super) journal: KeptJournal,
    /// Whether it was tried to open it.
    tried: bool,
    /// Whether it is to be made before the first group and not beside it: one of them waited for the other.
    apart: bool,
    /// Changes that this run takes back.
    taken_back: Vec<(i64, i32)>,
    /// What statements of this run have moved.
    moved: Vec<Moved>,
    /// The objects that this run has touched, as far as that was found out.
    touched: diff::Touched,
    /// These, as they are at the end.
    left: Left,
    /// Base migrations that this run carries out as a whole, and that go back by their `down.sql`.
    pub(super) whole: BTreeSet<ScriptId>,
    /// Base migrations that diesel's books are to forget.
    base: Vec<BaseVersion>,
    /// What taking these changes back would lose, in words and with the query that counted none of it.
    none_lost: Vec<(String, String)>,
}

/// What is known of what a run has left behind, as a text.
#[derive(Debug, Default)]
enum Left {
    /// Nothing yet.
    #[default]
    Unknown,
    /// This.
    Known(String),
    /// It is in the journal.
    Written,
}

impl Memory {
    /// The memory of a run that takes changes back, by which nothing must be lost that was not there yet (`none_lost`).
    pub(super) fn for_rollback(changes: &[Change], none_lost: Vec<(String, String)>) -> Self {
        Self {
            taken_back: changes.iter().map(|change| (change.run, change.number)).collect(),
            base: base_of(changes),
            none_lost,
            ..Self::default()
        }
    }

    /// Returns what must not be lost, in words and with the query that counted none of it.
    pub(super) fn none_lost(&self) -> &[(String, String)] {
        &self.none_lost
    }
}

impl Memory {
    /// Takes what statements have moved out of their plan.
    pub(super) fn note_moved(&mut self, done: &BTreeSet<StatementId>, plan: &mut Plan) {
        if self.is_open() {
            let statements = plan.statements.iter_mut().filter(|statement| done.contains(&statement.id));
            self.moved.extend(statements.filter_map(|statement| statement.moved.take()).map(|moved| *moved));
        }
    }

    /// Finds out which objects were touched while something else is done: the server is asked how everything is now.
    pub(super) fn while_touching<T>(&mut self, what: impl FnOnce() -> T) -> T {
        let moved = std::mem::take(&mut self.moved);
        if moved.is_empty() {
            return what();
        }
        thread::scope(|scope| {
            scope.spawn(|| moved.iter().for_each(|moved| self.touched.add(moved)));
            what()
        })
    }

    /// Notes what the run has left behind, by its last look, while something else is done; writes it down where the other connection
    /// is there.
    pub(super) fn while_noting_left<T>(
        &mut self,
        control: Option<&mut Control>,
        snapshot: &Snapshot,
        what: impl FnOnce() -> T,
    ) -> T {
        let Some(journal) = self.journal.opened() else { return what() };
        let touched = &self.touched;
        let (done, left) = thread::scope(|scope| {
            let left = scope.spawn(move || {
                let left = write_left(&touched.left(Some(snapshot)));
                let is_written = control.is_some_and(|control| journal.leaves(control, &left));
                if is_written { Left::Written } else { Left::Known(left) }
            });
            (what(), left.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        self.left = left;
        done
    }

    /// Notes what the run has left behind, where its last look has not done so.
    pub(super) fn note_left(&mut self, snapshot: &Snapshot) {
        if matches!(self.left, Left::Unknown) {
            self.while_noting_left(None, snapshot, || ());
        }
    }

    /// Takes what is still to be written of it; that nothing is known, where that is so.
    fn take_left(&mut self) -> Option<String> {
        match std::mem::take(&mut self.left) {
            Left::Unknown => Some(write_left(&self.touched.left(None))),
            Left::Known(left) => Some(left),
            Left::Written => None,
        }
    }

    /// Forgets what statements have moved: it was undone.
    pub(super) fn forget_moved(&mut self) {
        (self.moved, self.touched) = (Vec::new(), diff::Touched::default());
    }

    /// Returns whether the journal is open.
    pub(super) const fn is_open(&self) -> bool {
        self.journal.opened().is_some()
    }
}

impl Operation<'_, '_> {
    /// Opens the journal, if it is to be kept and is not open yet. To be called with the runner lock, before the first change.
    ///
    /// Where there is none yet it is made beside the first group of steps, on the connection that holds the lock, which
    /// [`take_control_back`](Self::take_control_back) returns. Where it cannot be kept, the run goes on without, and says so.
    ///
    /// # Errors
    /// A journal that a newer version of this program has made.
    pub(super) fn remember(
        &mut self,
        session: &mut Session,
        control: &mut Option<Control>,
    ) -> Result<(), Box<Diagnostic>> {
        let Keeping::In(schema) = &self.settings.journal else { return Ok(()) };
        if !self.memory.tried && (self.memory.apart || control.is_none()) {
            self.memory.tried = true;
            let run = self.new_run();
            let opened = match control {
                Some(control) => control.open_journal(schema, run),
                None => session.open_journal(schema, run),
            };
            return match opened {
                Ok(journal) => {
                    self.memory.journal = KeptJournal::open(journal);
                    Ok(())
                }
                Err(error) => self.not_opened(error),
            };
        }
        let run = if self.memory.tried { None } else { Some(self.new_run()) };
        self.begin_to_remember(control, run);
        if !self.memory.journal.was_there() {
            return Ok(());
        }
        let Some((other, error)) = self.memory.journal.given_back() else { return Ok(()) };
        *control = Some(other);
        error.map_or(Ok(()), |error| self.not_opened(error))
    }

    /// Begins to open the journal beside whatever comes next, if that was not tried yet. `run` is what [`new_run`] has made.
    pub(super) fn begin_to_remember(&mut self, control: &mut Option<Control>, run: Option<NewRun>) {
        if let Keeping::In(schema) = &self.settings.journal
            && let Some(run) = run
            && let Some(other) = control.take()
        {
            self.memory.tried = true;
            self.memory.journal = KeptJournal::make(other, schema.clone(), run);
        }
    }

    fn not_opened(&mut self, error: JournalError) -> Result<(), Box<Diagnostic>> {
        match error {
            JournalError::Newer { .. } => {
                return Err(Box::new(
                    Diagnostic::error(Code::JournalNewer, error.to_string())
                        .why("this version does not know its tables; nothing was changed")
                        .help("use the newer version, or run without a memory: `--no-journal`"),
                ));
            }
            // The next statement will say the same.
            JournalError::Server(error) if error.is_connection_lost() => self.memory.tried = false,
            JournalError::Server(error) if error.kind == ServerErrorKind::DiskFull => {
                return Err(Box::new(errors::of_server("the journal could not be written", &error)));
            }
            JournalError::Server(error) => self.no_journal(&error),
        }
        Ok(())
    }

    /// Waits until the journal is made, where it is being made, and puts the connection back on which that was done.
    pub(super) fn take_control_back(&mut self, control: &mut Option<Control>) {
        let Some((other, error)) = self.memory.journal.given_back() else { return };
        *control = Some(other);
        match error {
            None => {}
            Some(JournalError::Server(error)) if error.is_connection_lost() => self.memory.tried = false,
            Some(JournalError::Server(error)) if error.kind == ServerErrorKind::LockTimeout => {
                (self.memory.tried, self.memory.apart) = (false, true);
            }
            // The step that was to be written there says it.
            Some(JournalError::Server(error)) if error.kind == ServerErrorKind::DiskFull => {}
            Some(error) => self.no_journal(&error),
        }
    }

    fn no_journal(&mut self, error: &dyn Display) {
        let mut diagnostic =
            Diagnostic::note(Code::NoJournal, "the journal is not kept: what this run does is not remembered")
                .why(format!("the server says: {error}"))
                .help("grant the role CREATE on the database or the journal's tables, or say `--no-journal`");
        diagnostic.severity = Severity::Warning;
        self.notes.diagnostics.push(diagnostic);
    }

    fn new_run(&self) -> NewRun {
        let made = self.notes.aside.backup.as_ref().filter(|backup| backup.bytes.is_some());
        // Where it is counts, not from where it was named.
        let whole = |file: &String| absolute(file).map_or_else(|_| file.clone(), |path| path.display().to_string());
        let backup = made.map(|backup| whole(&backup.file));
        NewRun { backup, ..new_run(self.settings, self.subject, self.command_words()) }
    }

    /// Returns the name of what is done, as it was typed.
    pub(super) fn command_words(&self) -> &'static str {
        self.notes.guise.unwrap_or_else(|| self.notes.command.name())
    }

    /// Opens the journal where it is not open yet, for what groups of steps change.
    ///
    /// # Errors
    /// As [`remember`](Self::remember); and where old values are to be kept, but nothing can be.
    pub(super) fn prepare_memory(
        &mut self,
        session: &mut Session,
        control: &mut Option<Control>,
        groups: &[Group<'_>],
    ) -> Result<(), Box<Diagnostic>> {
        if self.settings.journal == Keeping::Not {
            return Ok(());
        }
        let keeps = groups.iter().flat_map(|group| &group.steps).find(|step| step.keeps.is_some()).copied();
        self.remember(session, control)?;
        if keeps.is_some() {
            // What is kept is kept in the journal's schema.
            self.take_control_back(control);
        }
        self.keeps_old_values(keeps)
    }

    /// Refuses to fill rows whose old values are to be kept where there is no journal to keep them.
    fn keeps_old_values(&self, step: Option<&Step>) -> Result<(), Box<Diagnostic>> {
        let Some(step) = step.filter(|_| self.memory.tried && !self.memory.journal.is_kept()) else { return Ok(()) };
        let text = &self.subject.scripts.texts[step.statement.script.0];
        let mut diagnostic =
            Diagnostic::error(Code::KeepOld, "old values are to be kept, and there is no journal to keep them")
                .at(text, step.span, "")
                .why("`-- ensure:keep-old` asks for it; no row was changed")
                .help("let the role keep a journal, or run with `--no-journal`: then nothing is kept");
        diagnostic.done = Some(self.done_so_far());
        Err(Box::new(diagnostic))
    }

    /// Returns how often each step of a group was tried, this time included, and the milliseconds that it waited for locks in vain.
    pub(super) fn attempts(&self, group: &Group<'_>) -> Vec<(u32, f64)> {
        let of = |step: &&Step| {
            let attempts = self.notes.attempts.get(&step.statement).copied().unwrap_or(0) + 1;
            (attempts, self.notes.lock_waits.get(&step.statement).map_or(0.0, |wait| wait.as_secs_f64() * 1_000.0))
        };
        group.steps.iter().map(of).collect()
    }

    /// What was written with a group is committed, or was undone with it.
    pub(super) fn settle_memory(&mut self, committed: bool) {
        if let Some(journal) = self.memory.journal.get() {
            if committed { journal.committed() } else { journal.undone() }
        }
    }

    /// Returns whether a group was committed although the connection was lost before the server could say so.
    pub(super) fn was_committed(&mut self, session: &mut Session, group: &Group<'_>) -> bool {
        let Some(journal) = self.memory.journal.get() else { return false };
        // What the catalog does not have is planned anew, whatever is found here.
        let found = journal.find_again(session).unwrap_or(0);
        group.transaction != Transaction::None && found >= group.steps.len()
    }

    /// The journal could not be written: the run goes on without.
    pub(super) fn forget_memory(&mut self, error: &ServerError) {
        self.memory.journal.forget();
        self.no_journal(error);
    }

    /// Writes down that a step failed. That it cannot be written is no news: something is wrong already.
    pub(super) fn remember_failure(&mut self, session: &mut Session, group: &Group<'_>, failure: &Failure) {
        if group.transaction != Transaction::None {
            // Under `--atomic` with the groups before it.
            self.settle_memory(false);
        }
        let Some(journal) = self.memory.journal.get() else { return };
        let step = group.steps.get(failure.step).or_else(|| group.steps.last());
        let undone = step.filter(|_| group.transaction != Transaction::None);
        let undone = undone.map(|step| entry(self.subject, step));
        let elapsed = failure.elapsed.as_secs_f64() * 1_000.0;
        let error = &failure.error;
        drop(journal.failed(&mut session.work(), undone, elapsed, error.sqlstate, &error.to_string()));
    }

    /// Returns whether this run takes changes back.
    pub(super) const fn takes_back(&self) -> bool {
        !self.memory.taken_back.is_empty()
    }

    /// Writes down that everything was taken back, if it was: in the journal, and in diesel's books. Where that cannot be written,
    /// the next rollback finds that nothing is left to do, and writes it down.
    pub(super) fn all_taken_back(&mut self, session: &mut Session) {
        let complete = self.notes.verification.as_ref().is_some_and(|verification| verification.complete);
        if !self.takes_back() || !complete || worst_of(&self.notes.diagnostics).is_some() {
            return;
        }
        let Memory { journal, taken_back, base, .. } = &mut self.memory;
        let written = session.end_look().and_then(|()| session.forget_base(base)).and_then(|()| match journal.get() {
            Some(journal) => journal.taken_back(&mut session.work(), taken_back),
            None => Ok(()),
        });
        if let Err(error) = written {
            self.no_journal(&error);
        }
    }

    /// Writes down how the run ended, where it is remembered at all.
    pub(super) fn remember_end(&mut self, session: &mut Session) {
        self.memory.while_touching(|| ());
        let left = self.memory.take_left();
        let Some(journal) = self.memory.journal.get().filter(|journal| journal.is_recorded()) else { return };
        self.notes.aside.run = Some(journal.id());
        let worst = worst_of(&self.notes.diagnostics);
        let signal = self.interrupt.signal();
        let end = RunEnd {
            outcome: match (signal, worst) {
                (Some(_), _) => "interrupted".to_owned(),
                (None, Some(worst)) => worst.code.name().to_owned(),
                (None, None) => "done".to_owned(),
            },
            exit_code: match (signal, worst) {
                (Some(signal), _) => u8::try_from(128 + signal).unwrap_or(1),
                (None, Some(worst)) => worst.code.outcome().exit_code(),
                (None, None) => 0,
            },
            blocked_ms: u64::try_from(self.notes.blocked.total.as_millis()).unwrap_or(u64::MAX),
            error: worst.map(|worst| worst.what.clone()),
            left,
        };
        let ended = journal.end(session, &end);
        // What cannot be dropped now is dropped by the next run.
        if ended.is_ok()
            && worst.is_none()
            && signal.is_none()
            && let Ok(expired) = journal.expire(session, self.settings.limits.keep_old_for)
        {
            for rows in expired {
                let what = format!("old values of {rows} were kept for long enough, and are dropped");
                let why = "a rollback no longer brings them back; `--keep-old-for` says how long they are kept";
                self.notes.diagnostics.push(Diagnostic::note(Code::KeepOld, what).why(why));
            }
            return;
        }
        if let Err(error) = ended
            && worst.is_none()
            && !error.is_connection_lost()
        {
            self.no_journal(&error);
        }
    }
}

/// Returns what is to be remembered of a run as a whole. Cost: reads the tokens of all scripts.
pub(super) fn new_run(settings: &Settings, subject: &Subject<'_>, command: &str) -> NewRun {
    NewRun {
        command: command.to_owned(),
        os_user: settings.os_user.clone(),
        host: gethostname::gethostname().into_string().ok(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: settings.revision.clone().or_else(|| revision(settings)),
        scripts_digest: Some(sql::checksum_of_all(subject.digests())),
        backup: None,
    }
}

/// What is to be written down about the groups of a plan. That of the first group is made when it is done: until then the server may
/// be making the journal, and is not to be kept from it. From then on that of the others is made in a thread of its own.
pub(super) struct Entries<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    subject: &'scope Subject<'scope>,
    groups: &'scope [Group<'scope>],
    plan: &'scope Plan,
    /// Base migrations that go back by their `down.sql`.
    downs: BTreeSet<ScriptId>,
    /// Those of each later group, by its place.
    others: Option<Receiver<(usize, Vec<Entry>)>>,
}

impl<'scope, 'env> Entries<'scope, 'env> {
    /// Prepares to make them.
    pub(super) const fn of(
        scope: &'scope Scope<'scope, 'env>,
        subject: &'scope Subject<'scope>,
        groups: &'scope [Group<'scope>],
        plan: &'scope Plan,
    ) -> Self {
        Self { scope, subject, groups, plan, downs: BTreeSet::new(), others: None }
    }

    /// Takes the entries of a group, by its place, which is behind that of the group before.
    pub(super) fn take(&mut self, place: usize, attempts: &[(u32, f64)], whole: &mut BTreeSet<ScriptId>) -> Vec<Entry> {
        let mut taken = match &self.others {
            None => self.begin(place, whole),
            Some(others) => others.iter().find(|(at, _)| *at == place).unwrap_or_default().1,
        };
        whole.extend(self.downs.iter().filter(|id| taken.iter().any(|entry| is_of(self.subject, **id, entry))));
        for (entry, (attempts, wait)) in taken.iter_mut().zip(attempts) {
            (entry.attempts, entry.lock_wait_ms) = (*attempts, *wait);
        }
        taken
    }

    fn begin(&mut self, first: usize, whole: &BTreeSet<ScriptId>) -> Vec<Entry> {
        let (subject, groups, plan) = (self.subject, self.groups, self.plan);
        let mut downs = ways_down(subject, plan, whole);
        self.downs = downs.keys().copied().collect();
        let mut entries_of = move |group: &Group<'_>| {
            let mut entries = entries(subject, group, plan);
            for (id, down) in &mut downs {
                take_back_by_down(down, entries.iter_mut().filter(|entry| is_of(subject, *id, entry)));
            }
            entries
        };
        let taken = groups.get(first).map(&mut entries_of).unwrap_or_default();
        let (tell, others) = mpsc::channel();
        self.others = Some(others);
        self.scope.spawn(move || {
            for (place, group) in groups.iter().enumerate().skip(first + 1) {
                // Nobody listens where the groups before were not carried out.
                if tell.send((place, entries_of(group))).is_err() {
                    break;
                }
            }
        });
        taken
    }
}

/// Returns what is to be written down about a group. What takes a statement back is said by the first of its steps.
fn entries(subject: &Subject<'_>, group: &Group<'_>, plan: &Plan) -> Vec<Entry> {
    let of_step = |step: &&Step| {
        let of = plan.statements.partition_point(|statement| statement.id < step.statement);
        let of = plan.statements.get(of).filter(|of| of.steps.first().is_some_and(|first| std::ptr::eq(first, *step)));
        Entry { inverse: of.and_then(|of| inverse(subject, of)), ..entry(subject, step) }
    };
    group.steps.iter().map(of_step).collect()
}

/// Returns the base migrations that are carried out as a whole and go back by their `down.sql`, because something of them does not
/// come back by what the catalog tells; with its text where the plan begins with them. `whole`: those of which this run has done a
/// part already.
fn ways_down(subject: &Subject<'_>, plan: &Plan, whole: &BTreeSet<ScriptId>) -> BTreeMap<ScriptId, Option<String>> {
    let texts = &subject.scripts.texts[..subject.scripts.base];
    let mut ways = BTreeMap::new();
    for down in &subject.scripts.downs {
        let Some(at) = texts.iter().position(|text| text.name == down.name) else { continue };
        let id = ScriptId(at);
        let untold =
            |goal: &Goal| matches!(goal.kind, GoalKind::Opaque { .. } | GoalKind::Backfill(_) | GoalKind::Seed(_));
        let statements = subject.goals.iter().filter(|goals| goals.id == id).flat_map(|goals| &goals.statements);
        if !statements.flat_map(|statement| &statement.goals).any(untold) {
            continue;
        }
        let to_do = |state: &State| matches!(state, State::Missing | State::Conflicting | State::UnknownUntil(_));
        let mut planned = plan.statements.iter().filter(|statement| statement.id.script == id).peekable();
        let begins = planned.peek().is_some() && planned.all(|statement| to_do(&statement.state));
        // What is wrong with it `check` tells.
        let Ok(downs) = read_down(down) else { continue };
        if begins || whole.contains(&id) {
            ways.insert(id, begins.then(|| diff::down_script(&downs)));
        }
    }
    ways
}

fn is_of(subject: &Subject<'_>, id: ScriptId, entry: &Entry) -> bool {
    entry.script == subject.scripts.texts[id.0].path
}

/// Lets `down.sql` take back what entries of its migration tell. `down` is its text until the first of them has it.
fn take_back_by_down<'a>(down: &mut Option<String>, entries: impl Iterator<Item = &'a mut Entry>) {
    for entry in entries {
        let down = down.take();
        if down.is_none() && entry.inverse.is_none() {
            continue;
        }
        let inverse = entry.inverse.get_or_insert_default();
        "written".clone_into(&mut inverse.kind);
        let own = inverse.notes.take().and_then(|notes| serde_json::from_str::<InverseNotes>(&notes).ok());
        // What it would lose is lost all the same.
        let own = own.map(|own| InverseNotes { stays: Vec::new(), ..own }).filter(|own| !own.losses.is_empty());
        inverse.notes = own.and_then(|own| serde_json::to_string(&own).ok());
        inverse.sql = down.unwrap_or_default();
    }
}

fn entry(subject: &Subject<'_>, step: &Step) -> Entry {
    let id = step.statement.script;
    let text = &subject.scripts.texts[id.0];
    Entry {
        script: text.path.clone(),
        script_digest: subject.digests()[id.0].clone(),
        location: text.location(step.span.start).to_string(),
        verb: verb(step.verb).to_owned(),
        object: step.object.clone(),
        sql: step.sql.clone(),
        attempts: 1,
        ..Entry::default()
    }
}

fn inverse(subject: &Subject<'_>, plan: &StatementPlan) -> Option<Inverse> {
    let id = plan.id;
    let goals = subject.scripts.goals.get(id.script.0)?.statements.get(id.index)?;
    let inverse = diff::inverse(goals, plan)?;
    let losses = inverse.losses.iter().map(|loss| (loss.object.clone(), loss.count.clone())).collect();
    let kept = inverse.kept.as_ref().map(|kept| KeptNotes {
        of: kept.table().to_string(),
        table: kept.place().to_string(),
        changed: kept.changed_since(),
        expired: None,
    });
    let notes = InverseNotes { losses, stays: inverse.stays.clone(), kept };
    let has_notes = notes != InverseNotes::default();
    Some(Inverse {
        sql: inverse.script(),
        kind: inverse.kind().word().to_owned(),
        notes: has_notes.then(|| serde_json::to_string(&notes).unwrap_or_default()),
    })
}

const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "add",
        Verb::Alter => "alter",
        Verb::Drop => "drop",
        Verb::Fill => "fill",
        Verb::Run => "run",
    }
}

/// Returns the revision of the scripts' directory, where git keeps it.
fn revision(settings: &Settings) -> Option<String> {
    let dir = fs::canonicalize(settings.dir.as_ref()?).ok()?;
    let git = dir.ancestors().map(|dir| dir.join(".git")).find(|git| git.exists())?;
    let git = if git.is_dir() { git } else { linked(&git)? };
    let head = read(&git.join("HEAD"))?;
    let Some(name) = head.strip_prefix("ref: ") else { return hash(&head) };
    // A linked working tree keeps its branches with the others.
    let common = read(&git.join("commondir")).map_or_else(|| git.clone(), |common| git.join(common));
    if let Some(found) = read(&common.join(name)) {
        return hash(&found);
    }
    let packed = read(&common.join("packed-refs"))?;
    hash(packed.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' '))?)
}

fn linked(file: &Path) -> Option<PathBuf> {
    let text = read(file)?;
    Some(file.parent()?.join(text.strip_prefix("gitdir: ")?))
}

fn hash(text: &str) -> Option<String> {
    (text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the revision stands in git's files")]
fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}
