//! The part of `run` that changes something: the runner lock, one group of steps after the other, what goes wrong on the way.

#![expect(clippy::disallowed_methods, reason = "waiting for others, and telling how long, is the work of this file")]

use std::{
    collections::BTreeSet,
    panic::resume_unwind,
    thread,
    time::{Duration, Instant},
};

use crate::{
    config::Settings,
    db::{BaseVersion, Blocker, Control, ServerError, ServerErrorKind, Session},
    diagnostic::{Code, Diagnostic, Outcome},
    event::{Blocked, Event},
    exec::{self, Done, Failure, Group, Guard, Ledger, Watch},
    goal::StatementId,
    journal::{Keeping, NewRun},
    pg::{LockMode, ObjectName, StatementTimeout},
    plan::{Answers, Plan, Policy, State, StatementPlan, Step, Transaction},
    script::ScriptId,
};

use super::{
    errors,
    look::{Seen, Site},
    memory::{Entries, Memory, new_run},
    rollback,
    run::Operation,
    tell::script_name,
};

/// From how long on it is told that others may have waited for locks of a run.
const WORTH_TELLING: Duration = Duration::from_millis(500);

/// For how long a connection is made anew that was lost.
pub(super) const RECONNECT_FOR: Duration = Duration::from_mins(1);
/// How long to wait between two attempts to do so.
pub(super) const RECONNECT_EVERY: Duration = Duration::from_millis(200);

/// The locks and connections of a run that changes something.
pub(super) struct Workplace {
    pub(super) control: Option<Control>,
    pid: i32,
}

/// What is carried out between two looks.
struct Round<'a, 'scope, 'env> {
    groups: &'a [Group<'a>],
    entries: Entries<'scope, 'env>,
}

/// What came of a round.
#[derive(Default)]
struct Carried {
    done: BTreeSet<StatementId>,
    /// Whether to look again before anything more is done.
    again: bool,
    /// Whether nothing more is to be done at all.
    stopped: bool,
    /// Whether a group was not finished.
    broken: bool,
}

impl Operation<'_, '_> {
    pub(super) fn run(&mut self, site: &Site, mut session: Session, seen: Seen, mut answers: Answers) -> Option<Plan> {
        self.interrupt.working(None);
        let refused = !seen.plan.findings.is_empty();
        let unrecorded = self.unrecorded(&seen);
        let work = seen.plan.steps().next().is_some() || seen.plan.barrier.is_some();
        if !work && !refused {
            // The look was the verification.
            self.complete = true;
            self.unverified(&seen.plan);
            if !unrecorded.is_empty() {
                self.record(site, &mut session, &seen, &unrecorded);
            }
            if self.takes_back() && unfit(&seen).is_none() {
                self.nothing_to_take_back(site, &mut session);
            }
            return Some(seen.plan);
        }
        if let Some(unfit) = unfit(&seen) {
            self.complete = true;
            self.findings(&seen.plan);
            self.notes.diagnostics.push(unfit);
            return Some(seen.plan);
        }
        // A refusal has to wait for the lock too: while another run works, a look may see half of what it does.
        let (mut entered, new_run) = self.enter_to_change(site, &mut session);
        // Where no second connection is to be had the first one is as good as before.
        let went_away = |diagnostic: &Diagnostic, session: &mut Session| {
            diagnostic.code == Code::ConnectionLost
                || (diagnostic.code.outcome() == Outcome::Unreachable && session.horizon().is_err())
        };
        if entered.as_ref().is_err_and(|diagnostic| went_away(diagnostic, &mut session)) {
            entered = self.connect_again(site, &mut session, |operation, session| operation.enter(site, session));
        }
        let mut workplace = match entered {
            Ok(workplace) => workplace,
            Err(diagnostic) => {
                let looked = refused && diagnostic.code != Code::RunnerLock;
                if looked {
                    self.findings(&seen.plan);
                }
                self.error(diagnostic);
                return looked.then_some(seen.plan);
            }
        };
        // What was seen before the lock was taken still holds where nothing has been committed since.
        let sure = seen.plan.statements.iter().all(|statement| !matches!(statement.state, State::Unverified(_)));
        let unchanged = sure && session.horizon().is_ok_and(|horizon| horizon == seen.snapshot.server.horizon);
        if unchanged && !refused {
            self.begin_to_remember(&mut workplace.control, new_run);
        }
        let last = self.work(site, &mut session, &mut workplace, &mut answers, unchanged.then_some(seen));
        self.all_taken_back(&mut session);
        self.remember_end(&mut session);
        let Blocked { longest, total } = self.notes.blocked;
        if longest >= WORTH_TELLING {
            (self.emit)(Event::Blocked { longest, total });
        }
        self.interrupt.working(None);
        last
    }

    /// Everything that is to be taken back was so already: only the journal does not know it yet.
    fn nothing_to_take_back(&mut self, site: &Site, session: &mut Session) {
        let entered = self.enter(site, session).and_then(|mut workplace| {
            self.remember(session, &mut workplace.control)?;
            self.take_control_back(&mut workplace.control);
            self.all_taken_back(session);
            Ok(())
        });
        self.interrupt.working(None);
        if let Err(diagnostic) = entered {
            self.error(diagnostic);
        }
    }

    /// Base versions whose statements hold but that diesel's table does not have.
    pub(super) fn unrecorded(&self, seen: &Seen) -> Vec<BaseVersion> {
        let recorded = seen.snapshot.base_versions.clone().unwrap_or_default();
        self.subject
            .goals
            .iter()
            .filter(|goals| goals.id.0 < self.subject.scripts.base)
            .map(|goals| BaseVersion::of_directory(&self.subject.scripts.texts[goals.id.0].name))
            .filter(|version| !recorded.contains(&version.version))
            .collect()
    }

    /// Records base migrations that hold already. A refusal is told in one line and is no failure.
    fn record(&mut self, site: &Site, session: &mut Session, seen: &Seen, versions: &[BaseVersion]) {
        if unfit(seen).is_some() {
            return;
        }
        let Some(target) = seen.snapshot.target.clone() else { return };
        let recorded = self.enter(site, session).map_err(|diagnostic| diagnostic.what).and_then(|_workplace| {
            session
                .prepare_to_work(&target)
                .and_then(|()| exec::record_base(session, versions))
                .map_err(|error| error.to_string())
        });
        self.interrupt.working(None);
        let Some(base) = &mut self.notes.base else { return };
        match recorded {
            Ok(recorded) => base.recorded = recorded,
            Err(why) => base.unrecorded = Some(why),
        }
    }

    /// As [`enter`](Self::enter); what the journal is to know of the run is put together meanwhile. Nothing is, where something else
    /// comes before the first change.
    fn enter_to_change(
        &mut self,
        site: &Site,
        session: &mut Session,
    ) -> (Result<Workplace, Box<Diagnostic>>, Option<NewRun>) {
        let (settings, subject, command) = (self.settings, self.subject, self.command_words());
        if settings.journal == Keeping::Not || settings.backup.is_some() || settings.hooks.before_run.is_some() {
            return (self.enter(site, session), None);
        }
        thread::scope(|scope| {
            let new_run = scope.spawn(|| new_run(settings, subject, command));
            (self.enter(site, session), Some(new_run.join().unwrap_or_else(|panic| resume_unwind(panic))))
        })
    }

    /// Checks that sessions are what they seem, and takes the runner lock. A second runner waits here.
    pub(super) fn enter(&mut self, site: &Site, session: &mut Session) -> Result<Workplace, Box<Diagnostic>> {
        let failed = |error| Box::new(errors::of_server("the runner lock could not be asked for", &error));
        if site.connections.is_single() {
            session.end_look().map_err(failed)?;
            return Ok(Workplace { control: None, pid: 0 });
        }
        let mut control = site.connections.control().map_err(|error| Box::new(errors::of_connect(&error)))?;
        let pid = control.meet(session).map_err(|error| {
            error
                .map_or_else(|| Box::new(errors::of_pooler("a pooler gives every transaction another session")), failed)
        })?;
        let started = Instant::now();
        let limit = self.settings.limits.runner_lock_timeout;
        let mut told = false;
        let journal = match &self.settings.journal {
            Keeping::In(schema) => Some(schema),
            Keeping::Not => None,
        };
        // The work lock too: after a kill the server goes on with the last statement of a run that is no more.
        let (mut runner, mut worker) = (false, false);
        loop {
            runner = runner || control.try_runner_lock(journal).map_err(failed)?;
            worker = worker || (runner && session.try_work_lock().map_err(failed)?);
            if runner && worker {
                break;
            }
            let waited = started.elapsed();
            let holder = control.lock_holder();
            if waited >= limit {
                let who = holder.map_or_else(String::new, |pid| format!("; session {pid} has it"));
                return Err(Box::new(
                    Diagnostic::error(
                        Code::RunnerLock,
                        format!("another run did not end within {} s", limit.as_secs()),
                    )
                    .why(format!("one run at a time may change a database{who}"))
                    .help("run again later, or raise `--runner-lock-timeout`"),
                ));
            }
            if self.interrupt.signal().is_some() {
                return Err(Box::new(Diagnostic::note(Code::RunnerLock, "interrupted while waiting for another run")));
            }
            if self.stop.is_due() {
                return Err(Box::new(time_up().why("another run works on this database; nothing was begun")));
            }
            if !told || waited.as_secs().is_multiple_of(10) {
                (self.emit)(Event::WaitingForRunner { pid: holder, waited });
                told = true;
            }
            sleep(Duration::from_millis(50 + fastrand::u64(0..100)).min(limit.saturating_sub(waited)));
        }
        self.interrupt.working(Some((site.connections.target().clone(), pid)));
        Ok(Workplace { control: Some(control), pid })
    }

    /// Looks, carries out, looks again, until everything holds or something is in the way.
    #[expect(clippy::too_many_lines, reason = "one loop over one state, which its parts would have to hand around")]
    fn work(
        &mut self,
        site: &Site,
        session: &mut Session,
        workplace: &mut Workplace,
        answers: &mut Answers,
        mut seen_before: Option<Seen>,
    ) -> Option<Plan> {
        let mut policy = self.subject.policy.clone();
        let mut trouble = Trouble::default();
        let mut rounds = 0_u32;
        let mut locked_since = None;
        // Everything is done: the next look says whether it holds.
        let mut verifying = false;
        loop {
            if verifying {
                *answers = Answers::default();
            }
            let looked = if let Some(seen) = seen_before.take() {
                Ok(seen)
            } else {
                self.subject.forget(answers);
                let (subject, watch, emit) = (self.subject, self.watch(site), &mut *self.emit);
                let memory = &mut self.memory;
                memory.while_touching(|| subject.snapshot(session)).and_then(|snapshot| {
                    let mut plan = || subject.plan(session, &snapshot, &policy, answers, false, watch, emit);
                    let control = workplace.control.as_mut();
                    let plan = if verifying { memory.while_noting_left(control, &snapshot, plan) } else { plan() };
                    plan.map(|plan| Seen { snapshot, plan })
                })
            };
            let mut seen = match looked {
                Ok(seen) => seen,
                Err(diagnostic) if diagnostic.code == Code::ConnectionLost && trouble.may_go_on(self.settings) => {
                    trouble.count();
                    if let Err(diagnostic) = self.reconnect(site, session, workplace) {
                        self.error(diagnostic);
                        return None;
                    }
                    continue;
                }
                Err(diagnostic) if diagnostic.code == Code::LockTimeout && self.waits_to_look(&mut locked_since) => {
                    continue;
                }
                Err(diagnostic) => {
                    self.error(diagnostic);
                    return None;
                }
            };
            locked_since = None;
            if verifying {
                self.finish(site, session, &seen);
                return Some(seen.plan);
            }
            if !seen.plan.findings.is_empty() && !self.settings.keep_going {
                self.complete = true;
                self.findings(&seen.plan);
                return Some(seen.plan);
            }
            let Plan { statements, barrier, .. } = &seen.plan;
            let mut groups = exec::groups(statements, *barrier, &|id| self.subject.grouping(id), self.settings.atomic);
            for group in &mut groups {
                rollback::fence(group, self.memory.none_lost(), &|table| {
                    let state = seen.snapshot.tables.get(table);
                    state.is_some_and(|state| policy.limits.is_large(state.pages, state.rows.unwrap_or_default()))
                });
                group.lock_first(&seen.snapshot);
            }
            rounds += 1;
            // Every round but those after trouble carries something out; a plan that never ends is a fault of ours or a
            // database that works against us.
            if groups.is_empty() || rounds > 1_000 {
                if rounds > 1_000 || seen.plan.barrier.is_some() {
                    self.notes.diagnostics.push(
                        Diagnostic::error(Code::NoProgress, "the database does not come to hold what the scripts say")
                            .help("run `hrms-migrate plan` to see what is left"),
                    );
                }
                self.finish(site, session, &seen);
                return Some(seen.plan);
            }
            match self.set_out(site, session, &seen) {
                Ok(false) => {}
                // That may have taken an hour.
                Ok(true) => continue,
                Err(diagnostic) => {
                    self.error(diagnostic);
                    return Some(seen.plan);
                }
            }
            let mut again = seen.plan.barrier.is_some();
            if let Some(target) = &seen.snapshot.target
                && let Err(error) = session.prepare_to_work(target)
                && !error.is_connection_lost()
            {
                self.error(Box::new(errors::of_server("the session could not be set up", &error)));
                return Some(seen.plan);
            }
            if let Err(diagnostic) = self.prepare_memory(session, &mut workplace.control, &groups) {
                self.error(diagnostic);
                return Some(seen.plan);
            }
            self.keep_books(session, &mut groups, &seen);
            if self.settings.atomic
                && let Err(error) = session.begin(None, "")
            {
                self.error(Box::new(errors::of_server("the transaction could not begin", &error)));
                return Some(seen.plan);
            }
            let (subject, plan, moments) = (self.subject, &seen.plan, (&mut policy, &mut trouble));
            let carried = thread::scope(|scope| {
                let entries = Entries::of(scope, subject, &groups, plan);
                let mut round = Round { groups: &groups, entries };
                self.carry_out_all(site, session, workplace, &mut round, moments)
            });
            let Carried { done, mut stopped, broken, .. } = carried;
            again |= carried.again;
            self.take_control_back(&mut workplace.control);
            self.memory.note_moved(&done, &mut seen.plan);
            if self.settings.atomic {
                if stopped || broken {
                    session.roll_back();
                    self.settle_memory(false);
                    self.notes.sent.clear();
                    self.memory.forget_moved();
                    policy.ran.clone_from(&self.subject.policy.ran);
                } else if let Err(error) = session.commit() {
                    self.settle_memory(false);
                    self.error(Box::new(errors::of_server("the transaction could not be committed", &error)));
                    self.notes.sent.clear();
                    if let Some(base) = &mut self.notes.base {
                        base.recorded.clear();
                    }
                    stopped = true;
                } else {
                    self.settle_memory(true);
                    // There is one transaction, and that was it.
                    again = false;
                }
            }
            if stopped {
                return Some(seen.plan);
            }
            verifying = !again;
        }
    }

    /// Lets diesel's books be kept in the transaction with which a base migration is done. Where that may not be, they are kept at the
    /// end, or not at all.
    fn keep_books(&self, session: &mut Session, groups: &mut [Group<'_>], seen: &Seen) {
        let texts = &self.subject.scripts.texts;
        let barrier = seen.plan.barrier.map(|barrier| barrier.statement.script);
        let ids = (0..self.subject.scripts.base).map(ScriptId).filter(|id| barrier.is_none_or(|barrier| *id < barrier));
        let unrecorded = self.unrecorded(seen);
        for id in ids {
            let version = BaseVersion::of_directory(&texts[id.0].name);
            let is_of = |group: &&mut Group<'_>| group.steps.iter().any(|step| step.statement.script == id);
            if unrecorded.contains(&version)
                && !self.lacks(seen, &version, &|statement| statement.steps.is_empty())
                && let Some(last) = groups.iter_mut().rfind(is_of).filter(|last| last.transaction != Transaction::None)
                && session.is_recorded(&version).is_ok_and(|recorded| !recorded)
            {
                last.records.push(version);
            }
        }
    }

    /// Returns whether a statement of a base migration does not hold, of those that count.
    fn lacks(&self, seen: &Seen, version: &BaseVersion, counts: &dyn Fn(&StatementPlan) -> bool) -> bool {
        let texts = &self.subject.scripts.texts;
        let mut of = seen.plan.statements.iter().filter(|one| texts[one.id.script.0].name == version.directory);
        of.any(|one| matches!(one.state, State::Missing | State::Conflicting) && counts(one))
    }

    /// Carries out the groups of a plan, one after the other, until something is in the way.
    fn carry_out_all(
        &mut self,
        site: &Site,
        session: &mut Session,
        workplace: &mut Workplace,
        round: &mut Round<'_, '_, '_>,
        (policy, trouble): (&mut Policy, &mut Trouble),
    ) -> Carried {
        let mut carried = Carried::default();
        let mut script = None;
        for (place, group) in round.groups.iter().enumerate() {
            if self.interrupt.signal().is_some() {
                carried.stopped = true;
                break;
            }
            if self.stop.is_due() {
                self.time_up(None);
                carried.stopped = true;
                break;
            }
            // What comes before may have taken hours, in which others may have changed what was planned for.
            if place > 0 && group.steps.first().is_some_and(|step| step.looks_again) {
                carried.again = true;
                break;
            }
            if script != Some(group.script) {
                script = Some(group.script);
                let name = script_name(self.subject.scripts, group.script);
                let steps =
                    round.groups.iter().filter(|other| other.script == group.script).map(|other| other.steps.len());
                (self.emit)(Event::ScriptBegins { script: &name, steps: steps.sum() });
            }
            if workplace.control.as_mut().is_some_and(|control| !control.is_alive()) {
                (carried.again, carried.broken) = (true, true);
                if let Err(diagnostic) = self.reconnect(site, session, workplace) {
                    self.error(diagnostic);
                    carried.stopped = true;
                }
                break;
            }
            let begun = Instant::now();
            let strong = exec::strong_locks(group);
            if !strong.is_empty() || exec::is_watched(group) {
                self.take_control_back(&mut workplace.control);
            }
            let outcome = match self.in_the_way(workplace, &strong) {
                Some(failure) => Err(failure),
                None => self.carry_out(session, workplace, (place, group), round).inspect(|()| {
                    self.others_waited(&strong, begun.elapsed());
                }),
            };
            match outcome {
                Ok(()) => {
                    *trouble = Trouble::default();
                    carried.done.extend(group.steps.iter().map(|step| step.statement));
                    for step in &group.steps {
                        if step.verb == crate::plan::Verb::Run {
                            policy.ran.insert(step.statement);
                        }
                    }
                    if round.groups.get(place + 1).is_none_or(|next| next.script != group.script) {
                        let ended = self.notes.script(self.subject.scripts, group.script, None);
                        (self.emit)(Event::ScriptEnds(&ended));
                    }
                }
                Err(failure) => {
                    if !failure.elapsed.is_zero() {
                        self.others_waited(&strong, begun.elapsed());
                    }
                    carried.again = self.failed(site, session, workplace, group, &failure, trouble);
                    (carried.stopped, carried.broken) = (!carried.again, true);
                    break;
                }
            }
        }
        carried
    }

    /// Somebody holds a table of which the catalog cannot tell everything meanwhile: the definition of a view, an expression. Pauses
    /// before another look; returns whether there is to be one. `since` is when that began.
    pub(super) fn waits_to_look(&mut self, since: &mut Option<Instant>) -> bool {
        let waited = since.get_or_insert_with(Instant::now).elapsed();
        if waited >= self.settings.limits.lock_budget || self.interrupt.signal().is_some() || self.stop.is_due() {
            return false;
        }
        let why = "somebody has locked a table that is to be looked at".to_owned();
        (self.emit)(Event::WaitingForServer { why, waited });
        self.rest(Duration::from_millis(100 + fastrand::u64(0..400)));
        true
    }

    /// Sleeps, until there is a reason to stop.
    fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && self.interrupt.signal().is_none() && !self.stop.is_due() {
            sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
        }
    }

    /// Verifies what was done, and keeps diesel's books.
    fn finish(&mut self, site: &Site, session: &mut Session, seen: &Seen) {
        let changed: Vec<ScriptId> =
            self.subject.goals.iter().map(|goals| goals.id).filter(|id| self.notes.has_changed(*id)).collect();
        self.memory.note_left(&seen.snapshot);
        self.verified(site, session, seen, &|id| changed.contains(&id));
        let unrecorded = self.unrecorded(seen);
        if let Some(base) = &mut self.notes.base {
            // A version of several groups comes several times, and one that could not be recorded with its group comes below.
            base.recorded.sort();
            base.recorded.dedup();
            base.recorded.retain(|directory| unrecorded.iter().all(|version| version.directory != *directory));
        }
        let held: Vec<_> = unrecorded.into_iter().filter(|version| !self.lacks(seen, version, &|_| true)).collect();
        if !held.is_empty()
            && let Some(target) = &seen.snapshot.target
        {
            let recorded = session.prepare_to_work(target).and_then(|()| exec::record_base(session, &held));
            if let Some(base) = &mut self.notes.base {
                match recorded {
                    Ok(recorded) => base.recorded.extend(recorded),
                    Err(error) => base.unrecorded = Some(error.to_string()),
                }
            }
        }
    }

    /// Returns why a group is not begun, where it is not: somebody has long held a table on which it needs a strong lock, so
    /// that others would only queue behind it, or others have waited for us long enough.
    fn in_the_way(&self, workplace: &mut Workplace, strong: &[(usize, &ObjectName, LockMode)]) -> Option<Failure> {
        let not_begun = |step, why| Some(Failure::not_begun(step, ServerError::not_asked(why)));
        let (first, ..) = strong.first()?;
        if self.others_waited_enough() {
            return not_begun(*first, "others have waited for locks of this run for as long as `--max-blocked` allows");
        }
        let control = workplace.control.as_mut().filter(|_| !self.settings.atomic)?;
        let old = |blocker: &Blocker| {
            let age = Duration::from_secs(u64::try_from(blocker.age_seconds).unwrap_or(0));
            blocker.granted && !blocker.yields && age >= exec::OLD
        };
        let held = strong
            .iter()
            .find(|(_, table, mode)| control.blockers(table, Some(*mode), workplace.pid).iter().any(old))?;
        not_begun(held.0, "it has been held for so long that it was not waited for: others would have queued")
    }

    /// Notes that others may have waited for strong locks for so long.
    fn others_waited(&mut self, strong: &[(usize, &ObjectName, LockMode)], time: Duration) {
        if !strong.is_empty() {
            let blocked = &mut self.notes.blocked;
            blocked.longest = time.max(blocked.longest);
            blocked.total += time;
        }
    }

    fn others_waited_enough(&self) -> bool {
        self.settings.limits.max_blocked.is_some_and(|most| self.notes.blocked.total >= most)
    }

    fn carry_out(
        &mut self,
        session: &mut Session,
        workplace: &mut Workplace,
        (place, group): (usize, &Group<'_>),
        round: &mut Round<'_, '_, '_>,
    ) -> Result<(), Failure> {
        let atomic = self.settings.atomic;
        let attempts = self.attempts(group);
        let Memory { journal, whole, .. } = &mut self.memory;
        let entries = &mut round.entries;
        let mut make = || entries.take(place, &attempts, whole);
        let is_kept = journal.is_kept();
        let mut ledger = is_kept.then_some(Ledger { journal, make: &mut make, entries: Vec::new() });
        let (stop, ledger) = (&self.stop, ledger.as_mut());
        let watch = workplace.control.as_mut().map(|control| Watch { control, pid: workplace.pid });
        let done = exec::carry_out(session, group, atomic, stop, watch, ledger, self.emit);
        if !atomic {
            self.settle_memory(done.is_ok());
        }
        let done = done?;
        self.take_control_back(&mut workplace.control);
        if let Some(base) = &mut self.notes.base {
            base.recorded.extend(group.records.iter().map(|version| version.directory.clone()));
        }
        self.notes.applied(self.subject, &group.steps, &done);
        Ok(())
    }

    /// The time given has come. `within`: a step that is done in part.
    fn time_up(&mut self, within: Option<&Step>) {
        let mut diagnostic = time_up();
        if let Some(step) = within {
            diagnostic = diagnostic.why(format!("{} is done in part; its batches stay", step.object));
        }
        diagnostic.done =
            Some(if self.settings.atomic { "nothing was changed".to_owned() } else { self.done_so_far() });
        self.notes.diagnostics.push(diagnostic);
    }

    /// A group failed. Returns whether to look again and go on.
    fn failed(
        &mut self,
        site: &Site,
        session: &mut Session,
        workplace: &mut Workplace,
        group: &Group<'_>,
        failure: &Failure,
        trouble: &mut Trouble,
    ) -> bool {
        let Some(step) = group.steps.get(failure.step).or_else(|| group.steps.last()).copied() else { return false };
        self.take_control_back(&mut workplace.control);
        if failure.journal {
            if self.memory.is_open() {
                self.forget_memory(&failure.error);
            }
            return true;
        }
        let lost = failure.error.is_connection_lost();
        let interrupted = self.interrupt.signal().is_some();
        if interrupted {
            // What follows only tidies up, and is not to be cancelled.
            self.interrupt.working(None);
        }
        let leftover = cleaned_up(session, step, failure, interrupted);
        let alone = group.transaction == Transaction::None;
        if !lost && (interrupted || alone) {
            self.remember_failure(session, group, failure);
        }
        if interrupted {
            if let Some(leftover) = leftover {
                self.notes.diagnostics.push(Diagnostic::note(Code::StatementFailed, leftover));
            }
            self.notes.failed(
                self.subject,
                &group.steps,
                failure.step,
                group.transaction != Transaction::None,
                failure.elapsed,
            );
            return false;
        }
        if self.was_stopped(step, failure) {
            if let (Some(leftover), Some(last)) = (leftover, self.notes.diagnostics.last_mut()) {
                last.why.push(leftover);
            }
            return false;
        }
        let timed_out = failure.error.kind == ServerErrorKind::LockTimeout;
        let enough = self.others_waited_enough() && timed_out;
        let goes_on = exec::may_retry(&failure.error) && trouble.may_go_on(self.settings) && !enough;
        let blockers = if timed_out { in_the_way_of(workplace, step, group) } else { Vec::new() };
        if trouble.is_overtaken(step, &failure.error) {
            *self.notes.attempts.entry(step.statement).or_insert(0) += 1;
            return true;
        }
        if goes_on {
            let pause = exec::pause(trouble.attempts, failure.elapsed, fastrand::f64());
            let pause = if lost { Duration::ZERO } else { pause };
            *self.notes.attempts.entry(step.statement).or_insert(0) += 1;
            if failure.error.kind == ServerErrorKind::LockTimeout {
                *self.notes.lock_waits.entry(step.statement).or_default() += failure.elapsed;
            }
            (self.emit)(Event::Retry {
                step,
                attempt: trouble.attempts + 1,
                why: failure.error.to_string(),
                blockers: blockers.clone(),
                pause,
            });
            trouble.count();
            self.rest(pause);
            if !lost || self.found_again(site, session, workplace, group, failure) {
                return true;
            }
            self.notes.failed(
                self.subject,
                &group.steps,
                failure.step,
                group.transaction != Transaction::None,
                failure.elapsed,
            );
            return false;
        }
        if !lost && !alone {
            self.remember_failure(session, group, failure);
        }
        let done = format!(
            "{}; {}",
            self.done_so_far(),
            if alone { "this step stands alone" } else { "this step's transaction was undone" }
        );
        let mut diagnostic = errors::of_step(&self.subject.scripts.texts, step, &failure.error, Some(done));
        if failure.error.kind == ServerErrorKind::LockTimeout {
            let waited = enough.then_some(self.notes.blocked.total);
            name_the_lock(&mut diagnostic, step, trouble.attempts + 1, waited, blockers);
        }
        diagnostic.why.extend(leftover);
        self.notes.diagnostics.push(diagnostic);
        self.notes.failed(
            self.subject,
            &group.steps,
            failure.step,
            group.transaction != Transaction::None,
            failure.elapsed,
        );
        false
    }

    /// Tells of a step that was not finished because somebody wanted that. Returns whether it was so.
    fn was_stopped(&mut self, step: &Step, failure: &Failure) -> bool {
        match failure.error.kind {
            ServerErrorKind::Paused => {
                let what = format!("{}: {}", failure.error, step.object);
                let mut diagnostic = Diagnostic::error(Code::BackfillStopped, what)
                    .why("somebody asked for that; the batches that are done stay")
                    .help("`hrms-migrate backfill` shows it, `hrms-migrate backfill resume` lets the next run go on");
                diagnostic.done = Some(self.done_so_far());
                self.notes.diagnostics.push(diagnostic);
            }
            ServerErrorKind::TimeUp => self.time_up(Some(step)),
            ServerErrorKind::KeepsTooMuch => self.kept_enough(step, failure),
            ServerErrorKind::WouldLose => {
                let mut diagnostic = Diagnostic::error(Code::WouldLose, failure.error.to_string())
                    .why("somebody has written some since they were counted; nothing of its transaction was done")
                    .help("save them, then allow it: `--allow data-loss`");
                diagnostic.done = Some(self.done_so_far());
                self.notes.diagnostics.push(diagnostic);
            }
            _ => return false,
        }
        true
    }

    /// More old values would be kept than may be: what was undone is filled by nobody.
    fn kept_enough(&mut self, step: &Step, failure: &Failure) {
        let undone = if step.batches.is_some() {
            "the batches before stay, and what was there before them is kept; the last one was undone"
        } else {
            "the statement was undone"
        };
        let what = format!("the old values of {} take more room than they may", step.object);
        let mut diagnostic = Diagnostic::error(Code::KeepOld, what)
            .at(&self.subject.scripts.texts[step.statement.script.0], step.span, "")
            .why(failure.error.to_string())
            .why(undone)
            .help("raise `--keep-old-limit` and run again, or leave `-- ensure:keep-old` out");
        diagnostic.done = Some(self.done_so_far());
        self.notes.diagnostics.push(diagnostic);
    }

    /// Connects anew after the connection was lost with a group. Returns whether the run can go on.
    fn found_again(
        &mut self,
        site: &Site,
        session: &mut Session,
        workplace: &mut Workplace,
        group: &Group<'_>,
        failure: &Failure,
    ) -> bool {
        if let Err(diagnostic) = self.reconnect(site, session, workplace) {
            self.error(diagnostic);
            return false;
        }
        if self.was_committed(session, group) {
            let done = Done { elapsed: failure.elapsed, rows: None };
            self.notes.applied(self.subject, &group.steps, &vec![done; group.steps.len()]);
        }
        true
    }

    /// Connects anew after the server went away, for at most a minute, and takes the runner lock again.
    fn reconnect(
        &mut self,
        site: &Site,
        session: &mut Session,
        workplace: &mut Workplace,
    ) -> Result<(), Box<Diagnostic>> {
        // The control connection may be alive: its lock must not stand in the way of the new one.
        workplace.control = None;
        *workplace = self.connect_again(site, session, |operation, session| operation.enter(site, session))?;
        Ok(())
    }

    /// Connects anew after the server went away and does something in the new session, over and over while the server goes away
    /// again, for at most a minute.
    pub(super) fn connect_again<T>(
        &mut self,
        site: &Site,
        session: &mut Session,
        mut what: impl FnMut(&mut Self, &mut Session) -> Result<T, Box<Diagnostic>>,
    ) -> Result<T, Box<Diagnostic>> {
        let started = Instant::now();
        self.interrupt.working(None);
        loop {
            site.connections.renew();
            match site.connections.session() {
                Ok(new) => {
                    *session = new;
                    match what(self, session) {
                        Err(diagnostic) if diagnostic.code.outcome() == Outcome::Unreachable => {
                            (self.emit)(Event::WaitingForServer { why: diagnostic.what, waited: started.elapsed() });
                        }
                        done => return done,
                    }
                }
                Err(error) if !error.kind.is_worth_waiting() => return Err(Box::new(errors::of_connect(&error))),
                Err(error) => {
                    (self.emit)(Event::WaitingForServer { why: error.what(), waited: started.elapsed() });
                }
            }
            if started.elapsed() > RECONNECT_FOR || self.interrupt.signal().is_some() {
                let done = self.done_so_far();
                let mut diagnostic =
                    Diagnostic::error(Code::ConnectionLost, "the connection to the server was lost during the run")
                        .why(format!("it did not come back within {} s", started.elapsed().as_secs()))
                        .help("run again when the server is back; it goes on where it stopped");
                diagnostic.done = Some(done);
                return Err(Box::new(diagnostic));
            }
            sleep(RECONNECT_EVERY);
        }
    }
}

/// Drops what a step has left unfinished, and says what came of that.
fn cleaned_up(session: &mut Session, step: &Step, failure: &Failure, interrupted: bool) -> Option<String> {
    let lost = failure.error.is_connection_lost();
    let stands = |guard: &&Guard| lost || exec::release(session, &guard.table, &guard.name, step.lock_timeout).is_err();
    let left: Vec<String> = failure.guards.iter().filter(stands).map(left_standing).collect();
    if !left.is_empty() {
        return Some(left.join("; "));
    }
    let leftover = step.leftover.as_ref().filter(|_| !lost)?;
    let limit = StatementTimeout::from_millis(if interrupted { 3_000 } else { 60_000 });
    match exec::clean_up(session, leftover, limit) {
        Ok(false) => None,
        Ok(true) => Some(format!("the unfinished invalid index {leftover} was dropped again")),
        Err(_) => Some(format!("the unfinished invalid index {leftover} is left; the next run drops it")),
    }
}

fn left_standing(guard: &Guard) -> String {
    let Guard { table, name, .. } = guard;
    format!("check {name} of {table} is left, and keeps others from writing there; `hrms-migrate repair` drops it")
}

/// How often things went wrong since the last success.
#[derive(Clone, Debug, Default)]
struct Trouble {
    attempts: u32,
    since: Option<Instant>,
    /// What failed last because of an object that is there, or is not, when something else was seen.
    overtaken: Option<String>,
}

impl Trouble {
    fn count(&mut self) {
        self.attempts += 1;
        self.since.get_or_insert_with(Instant::now);
    }

    /// Returns whether somebody else may have been quicker, so that it is worth to look and plan anew: not where the same
    /// statement has failed so before, and not for a statement that is not read, whose names may be wrong.
    fn is_overtaken(&mut self, step: &Step, error: &ServerError) -> bool {
        if !error.may_be_overtaken() || step.verb == crate::plan::Verb::Run {
            return false;
        }
        self.overtaken.replace(step.sql.clone()).is_none_or(|before| before != step.sql)
    }

    fn may_go_on(&self, settings: &Settings) -> bool {
        self.attempts + 1 < settings.limits.lock_retries
            && self.since.is_none_or(|since| since.elapsed() < settings.limits.lock_budget)
    }
}

pub(super) fn time_up() -> Diagnostic {
    Diagnostic::error(Code::TimeUp, "the time given with `--until` has come, and work is left")
        .help("run again when there is time; it goes on where it stopped")
}

/// A server on which nothing may be changed.
pub(super) fn unfit(seen: &Seen) -> Option<Diagnostic> {
    let server = &seen.snapshot.server;
    if server.in_recovery {
        return Some(
            Diagnostic::error(Code::Standby, "the server is a standby; it takes no changes")
                .why("something has to be changed; nothing was")
                .help("connect to the primary; with several hosts add target_session_attrs=read-write to the URL"),
        );
    }
    if server.read_only {
        return Some(
            Diagnostic::error(Code::ReadOnlyServer, "transactions are read-only here")
                .why("default_transaction_read_only is on for this role or database; nothing was changed")
                .help("run as a role that may write, or switch it off: ALTER ROLE … SET default_transaction_read_only = off"),
        );
    }
    None
}

/// Says of a lock that was not obtained which one it is and who is in the way. `waited`: others have waited for so long that
/// no more is allowed.
fn name_the_lock(
    diagnostic: &mut Diagnostic,
    step: &Step,
    attempts: u32,
    waited: Option<Duration>,
    blockers: Vec<String>,
) {
    let table = step.table.as_ref().map_or_else(|| step.object.clone(), |table| format!("table {table}"));
    diagnostic.what = format!(
        "could not lock {table} in {attempts} attempts of {} s",
        Duration::from_millis(step.lock_timeout.as_millis()).as_secs_f32()
    );
    if let Some(waited) = waited {
        diagnostic.what = format!("others have waited {:.1} s for locks of this run", waited.as_secs_f32());
        diagnostic.why.push("`--max-blocked` allows no more".to_owned());
    }
    diagnostic.why.retain(|why| !why.starts_with("the server says"));
    for blocker in blockers {
        diagnostic.why.insert(0, blocker);
    }
}

/// Returns who holds what a step needs. Of several tables that were to be locked together any may be the one.
fn in_the_way_of(workplace: &mut Workplace, step: &Step, group: &Group<'_>) -> Vec<String> {
    let Some(control) = &mut workplace.control else { return Vec::new() };
    let first = group.locks.iter().map(|lock| (&lock.table, Some(lock.mode)));
    let held =
        step.table.iter().map(|table| (table, step.lock)).chain(first).find_map(|(table, mode)| {
            Some(control.blockers(table, mode, workplace.pid)).filter(|held| !held.is_empty())
        });
    held.iter().flatten().map(blocker_words).collect()
}

fn blocker_words(blocker: &Blocker) -> String {
    let who = if blocker.pid == 0 { String::new() } else { format!("session {} ", blocker.pid) };
    let age = Duration::from_secs(u64::try_from(blocker.age_seconds).unwrap_or(0));
    let age = if age.as_secs() >= 120 { format!("{} min", age.as_secs() / 60) } else { format!("{} s", age.as_secs()) };
    let mode = mode_words(&blocker.mode);
    let (application, state) = (&blocker.application, &blocker.state);
    if blocker.granted {
        format!("{who}(\"{application}\") has held {mode} for {age}, {state}")
    } else {
        format!("{who}(\"{application}\") waits for {mode} too, {state} for {age}")
    }
}

/// Returns a lock mode of `pg_locks` (`AccessShareLock`) in the words of the manual (`ACCESS SHARE`).
fn mode_words(mode: &str) -> String {
    let mut words = String::new();
    for char in mode.trim_end_matches("Lock").chars() {
        if char.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(char.to_uppercase());
    }
    words
}

fn sleep(time: Duration) {
    thread::sleep(time);
}
