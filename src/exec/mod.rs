//! Carries out a plan: groups of steps in transactions, one statement at a time, with retries that look again first.
//!
//! Decides nothing about what should change: it is given groups and tells what became of them.

#![expect(clippy::disallowed_methods, reason = "steps are timed here")]

mod base;
mod batch;
mod fence;
mod group;
mod interrupt;
mod ledger;
mod replicas;
mod watch;

use std::{
    mem,
    time::{Duration, Instant},
};

use crate::{
    db::{ServerError, ServerErrorKind, Session, Stop, Work},
    event::Event,
    pg::{LockMode, LockTimeout, ObjectName, RowCount, StatementTimeout, quote_literal},
    plan::{Step, Transaction, Verb},
};

pub use base::record_base;
pub use fence::release;
pub use group::{Fence, FirstLock, GUARD, Group, Guard, groups};
pub use interrupt::Interrupt;
pub use ledger::Ledger;
pub use watch::Watch;

/// A step that is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// How long it took.
    pub elapsed: Duration,
    /// The rows that it changed, for statements that change rows.
    pub rows: Option<RowCount>,
}

/// A step that failed; its transaction has been undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Which step of the group, counted from 0; the number of steps stands for the COMMIT.
    pub step: usize,
    /// What the server said.
    pub error: ServerError,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether it was the journal that could not be written: nothing is wrong with the step.
    pub journal: bool,
    /// Checks that keep others from writing what the step would lose, and are to be [released](release).
    pub guards: Vec<Guard>,
}

impl Failure {
    fn of(step: usize, error: ServerError, elapsed: Duration) -> Self {
        Self { step, error, elapsed, journal: false, guards: Vec::new() }
    }

    /// A step that was not begun.
    #[must_use]
    pub fn not_begun(step: usize, error: ServerError) -> Self {
        Self::of(step, error, Duration::ZERO)
    }

    fn of_journal(error: ServerError) -> Self {
        // A full disk is in the way of what comes next, too.
        let journal = !error.is_connection_lost() && error.kind != ServerErrorKind::DiskFull;
        Self { journal, ..Self::not_begun(0, error) }
    }
}

/// Carries out one group. Where it fails, nothing of it is left but what a statement outside a transaction leaves.
///
/// # Errors
/// [`Failure`], with the step and what the server said.
pub fn carry_out(
    session: &mut Session,
    group: &Group<'_>,
    atomic: bool,
    stop: &Stop,
    watch: Option<Watch<'_>>,
    ledger: Option<&mut Ledger<'_>>,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Done>, Failure> {
    if group.transaction == Transaction::None {
        return outside(session, group, stop, watch, ledger, emit);
    }
    let mut guards = Vec::new();
    let outcome = fence::look(session, group, atomic, &mut guards)
        .and_then(|again| in_transaction(session, group, atomic, &again, (stop, watch), ledger, emit));
    outcome.map_err(|failure| Failure { guards: guards.into_iter().cloned().collect(), ..failure })
}

/// Carries out a group in a transaction. What is to be counted `again` is so under its locks.
fn in_transaction(
    session: &mut Session,
    group: &Group<'_>,
    atomic: bool,
    again: &[&Fence],
    (stop, watch): (&Stop, Option<Watch<'_>>),
    ledger: Option<&mut Ledger<'_>>,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Done>, Failure> {
    let limits = group.steps.first().filter(|_| !atomic).map(|step| limits(step));
    let (locking, started) = (group.locking(), Instant::now());
    // Which of the tables it was is found out by who holds them.
    let not_locked = |error| Failure::of(group.locks.first().map_or(0, |lock| lock.step), error, started.elapsed());
    let begins = !atomic && locking.is_empty();
    if begins {
        session.begins();
    } else if !atomic {
        session.begin(limits, &locking).map_err(not_locked)?;
    } else if let Some((lock, statement)) = group.steps.first().map(|step| self::limits(step))
        && !locking.is_empty()
    {
        let mut work = session.work();
        let locked = work.limit(true, lock, statement).and_then(|()| work.send(&locking, false, lock, statement));
        locked.map_err(not_locked)?;
    }
    let scope = if begins { Limits::Begins } else { Limits::Transaction(limits) };
    let still = |session: &mut Session| again.iter().try_for_each(|other| fence::none_of(session, group, other));
    let outcome = if group.locks.is_empty() { Ok(()) } else { still(session) }
        .and_then(|()| recorded(session, group, scope, atomic, (stop, watch), ledger, emit));
    if outcome.is_err() {
        session.roll_back();
    }
    outcome
}

/// Returns who watches the steps of a transaction: what reads all rows beside writers is in one of its own.
fn watched<'a>(group: &Group<'_>, watch: Option<Watch<'a>>) -> Option<Watch<'a>> {
    watch.filter(|_| matches!(group.steps.as_slice(), [only] if watch::reads_rows(only)))
}

/// Carries out the steps of a transaction that is open, writes them down, in diesel's books too, and commits unless others follow
/// in it (`atomic`).
fn recorded(
    session: &mut Session,
    group: &Group<'_>,
    scope: Limits,
    atomic: bool,
    (stop, watch): (&Stop, Option<Watch<'_>>),
    ledger: Option<&mut Ledger<'_>>,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Done>, Failure> {
    let done = steps(&mut session.work(), &group.steps, scope, stop, watched(group, watch), emit)?;
    for version in &group.records {
        session.record_base(version).map_err(|error| Failure::not_begun(group.steps.len(), error))?;
    }
    let record = ledger.map_or_else(|| Ok(String::new()), |ledger| ledger.record(&group.steps, &done));
    let record = record.map_err(Failure::of_journal)?;
    if atomic {
        let sent = if record.is_empty() { Ok(()) } else { session.work().execute(&record) };
        return sent.map(|()| done).map_err(Failure::of_journal);
    }
    let started = Instant::now();
    match session.commit_after(&record) {
        Ok(()) => Ok(done),
        Err((error, true)) => Err(Failure::of_journal(error)),
        Err((error, false)) => Err(Failure::of(group.steps.len(), error, started.elapsed())),
    }
}

/// Carries out a group that cannot run in a transaction.
fn outside(
    session: &mut Session,
    group: &Group<'_>,
    stop: &Stop,
    watch: Option<Watch<'_>>,
    mut ledger: Option<&mut Ledger<'_>>,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Done>, Failure> {
    if let Some(ledger) = &mut ledger {
        ledger.before(&mut session.work()).map_err(Failure::of_journal)?;
    }
    let done = match group.steps.as_slice() {
        [backfill] if backfill.batches.is_some() => in_batches(session, backfill, ledger.as_deref(), stop, emit)?,
        all => steps(&mut session.work(), all, Limits::Session, stop, watch, emit)?,
    };
    if let Some(ledger) = ledger {
        // It is done; that the journal does not say so is found with the next step.
        drop(ledger.after(&mut session.work(), &group.steps, &done));
    }
    Ok(done)
}

/// What the limits of steps are set for.
#[derive(Clone, Copy)]
enum Limits {
    /// For the session.
    Session,
    /// For the transaction that is open, in which these are set already.
    Transaction(Option<(LockTimeout, StatementTimeout)>),
    /// For the transaction that begins with the first step.
    Begins,
}

fn limits(step: &Step) -> (LockTimeout, StatementTimeout) {
    // Waits within a concurrent build count as lock waits; a limit would leave an invalid index behind.
    let lock = if step.transaction == Transaction::None { LockTimeout::NONE } else { step.lock_timeout };
    (lock, step.statement_timeout)
}

/// Carries out a step in batches. Where it fails, the batches before are done and stay.
fn in_batches(
    session: &mut Session,
    backfill: &Step,
    ledger: Option<&Ledger<'_>>,
    stop: &Stop,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Done>, Failure> {
    emit(Event::StepBegins(backfill));
    let started = Instant::now();
    let changed = session
        .work()
        .limit(false, backfill.lock_timeout, backfill.statement_timeout)
        .and_then(|()| batch::carry_out_batches(session, backfill, ledger, stop, emit));
    let elapsed = started.elapsed();
    match changed {
        Ok(changed) => {
            let rows = Some(RowCount(changed));
            emit(Event::StepDone { step: backfill, elapsed, rows });
            Ok(vec![Done { elapsed, rows }])
        }
        Err(error) => Err(Failure::of(0, error, elapsed)),
    }
}

/// Sends steps one after the other, until `stop` is set.
fn steps(
    work: &mut Work<'_>,
    steps: &[&Step],
    scope: Limits,
    stop: &Stop,
    mut watch: Option<Watch<'_>>,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::with_capacity(steps.len());
    let (local, mut set) = match scope {
        Limits::Session => (false, None),
        Limits::Transaction(set) => (true, set),
        Limits::Begins => (true, None),
    };
    let mut begins = matches!(scope, Limits::Begins);
    for (place, step) in steps.iter().enumerate() {
        // A cancellation that found no statement running has cancelled nothing.
        if stop.is_set() {
            return Err(Failure::not_begun(place, ServerError::interrupted()));
        }
        let (lock, statement) = limits(step);
        let counts = matches!(step.verb, Verb::Fill);
        // With the statement, but for one that has to be alone in its message.
        let (first, limit) = (mem::take(&mut begins), set.replace((lock, statement)) != Some((lock, statement)));
        let together = local && limit && !counts;
        if limit && !together {
            let begun = if first { work.execute("BEGIN") } else { Ok(()) };
            let limited = begun.and_then(|()| work.limit(local, lock, statement));
            limited.map_err(|error| Failure::not_begun(place, error))?;
        }
        emit(Event::StepBegins(step));
        let started = Instant::now();
        let mut send = || {
            if together {
                work.send_limited(first, &step.sql, lock, statement).map(|()| None)
            } else {
                work.send(&step.sql, counts, lock, statement)
            }
        };
        let outcome = match &mut watch {
            Some(watch) => watch.over(step, send, emit),
            None => send(),
        };
        let kept = outcome.and_then(|rows| not_too_much(work, step).map(|()| rows));
        let rows = kept.map_err(|error| Failure::of(place, error, started.elapsed()))?;
        let elapsed = started.elapsed();
        let rows = rows.map(RowCount);
        emit(Event::StepDone { step, elapsed, rows });
        done.push(Done { elapsed, rows });
    }
    Ok(done)
}

/// Looks whether a step, in the transaction that is open, has kept no more old values than it may.
fn not_too_much(work: &mut Work<'_>, step: &Step) -> Result<(), ServerError> {
    let Some(kept) = &step.keeps else { return Ok(()) };
    match work.send(&kept.is_too_much(), true, step.lock_timeout, step.statement_timeout)? {
        None | Some(0) => Ok(()),
        Some(_) => Err(ServerError::keeps_too_much(&kept.place().to_string())),
    }
}

/// Drops the index that a failed concurrent build left behind, if it is there and invalid. Returns whether one was.
///
/// Waits for transactions that use the table, as the build did, but for `limit` at most.
///
/// # Errors
/// What the server says; the next run finds the leftover again.
pub fn clean_up(session: &mut Session, index: &ObjectName, limit: StatementTimeout) -> Result<bool, ServerError> {
    let found = format!(
        "SELECT count(*) AS value FROM pg_catalog.pg_index i WHERE NOT i.indisvalid AND i.indexrelid = to_regclass({})",
        quote_literal(&index.to_string())
    );
    if session.count(&found)? == 0 {
        return Ok(false);
    }
    let mut work = session.work();
    work.limit(false, LockTimeout::NONE, limit)?;
    work.send(&format!("DROP INDEX CONCURRENTLY {index}"), false, LockTimeout::NONE, limit)?;
    Ok(true)
}

/// How long to pause before the next attempt: full jitter, growing with the attempts, at least twice the stall just caused.
///
/// Source: ONLINE-DDL section B.1.
#[must_use]
pub fn pause(attempt: u32, stalled: Duration, random: f64) -> Duration {
    const LONGEST: Duration = Duration::from_secs(30);
    let grown = Duration::from_millis(500).saturating_mul(1 << attempt.min(10));
    let jittered = grown.min(LONGEST).mul_f64(random.clamp(0.0, 1.0));
    jittered.max(stalled.saturating_mul(2).min(LONGEST))
}

/// From which age on somebody's lock is not waited for: who has held it for so long will not give it up within an attempt, and
/// whoever comes after a waiting `ALTER TABLE` queues behind it. Source: ONLINE-DDL section B.1.
pub const OLD: Duration = Duration::from_secs(5);

/// Returns whether a group is carried out with a look at it from the connection that holds the runner lock.
#[must_use]
pub fn is_watched(group: &Group<'_>) -> bool {
    group.transaction == Transaction::None || group.steps.iter().any(|step| watch::reads_rows(step))
}

/// Returns the locks of a group for which others have to wait, each with the place of the first step that asks for it. A statement
/// outside a transaction waits by itself, and lets others pass.
#[must_use]
pub fn strong_locks<'a>(group: &Group<'a>) -> Vec<(usize, &'a ObjectName, LockMode)> {
    let mut locks: Vec<(usize, &ObjectName, LockMode)> = Vec::new();
    if group.transaction == Transaction::None {
        return locks;
    }
    for (at, step) in group.steps.iter().enumerate() {
        let (Some(table), Some(mode)) = (&step.table, step.lock) else { continue };
        if mode < LockMode::Share {
            continue;
        }
        match locks.iter_mut().find(|(_, other, _)| *other == table) {
            Some((_, _, other)) => *other = mode.max(*other),
            None => locks.push((at, table, mode)),
        }
    }
    locks
}

/// Returns whether an error means that nothing was wrong with the step itself, so that a new look and attempt may succeed.
#[must_use]
pub fn may_retry(error: &ServerError) -> bool {
    error.is_retryable() && error.kind != ServerErrorKind::StatementTimeout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert_eq!(pause(0, Duration::ZERO, 0.0), Duration::ZERO);
        assert_eq!(pause(0, Duration::ZERO, 1.0), Duration::from_millis(500));
        assert_eq!(pause(3, Duration::ZERO, 1.0), Duration::from_secs(4));
        assert_eq!(pause(u32::MAX, Duration::ZERO, 1.0), Duration::from_secs(30));
        assert_eq!(pause(0, Duration::from_millis(1_500), 0.0), Duration::from_secs(3));
    }
}
