//! What a group would lose of what others have written since it was counted: looked for right before its transaction and, where that
//! is soon done, under its locks; where not, others are kept from writing it.

use std::time::{Duration, Instant};

use crate::{
    db::{ServerError, ServerErrorKind, Session},
    pg::{Ident, LockTimeout, ObjectName, StatementTimeout},
};

use super::{Failure, Fence, Group, Guard};

/// For how long others may wait for the lock under which rows are counted.
const SOON: Duration = Duration::from_millis(100);

/// Looks whether something is there by now that a group would lose, before it takes a lock. Returns what is to be looked for again
/// under its locks, where nobody writes any more.
///
/// What is in a column that goes, of a table that is large, is looked for behind a [`Guard`]. It stands from then on, `set`, until the
/// column is dropped or it is [released](release).
pub(super) fn look<'a>(
    session: &mut Session,
    group: &'a Group<'_>,
    atomic: bool,
    set: &mut Vec<&'a Guard>,
) -> Result<Vec<&'a Fence>, Failure> {
    let mut again = Vec::new();
    for fence in &group.fences {
        let started = Instant::now();
        match looked(session, group, fence, atomic) {
            Ok(()) => {}
            // It is gone already.
            Err(Failure { error, .. })
                if matches!(error.kind, ServerErrorKind::UndefinedTable | ServerErrorKind::UndefinedColumn) =>
            {
                continue;
            }
            Err(failure) => return Err(failure),
        }
        match &fence.guard {
            // Nobody expects others to go on beside one large transaction.
            Some(guard) if !atomic && (guard.is_large || started.elapsed() >= SOON) => {
                stand(session, group, (fence, guard), set)?;
            }
            _ => again.push(fence),
        }
    }
    Ok(again)
}

/// Looks for it in a transaction of its own, or at a savepoint of the one that is open.
fn looked(session: &mut Session, group: &Group<'_>, fence: &Fence, atomic: bool) -> Result<(), Failure> {
    let not_begun = |error| Failure::not_begun(fence.step, error);
    if atomic {
        session.work().execute("SAVEPOINT counting").map_err(not_begun)?;
        let none = none_of(session, group, fence);
        let ended = session.work().execute("ROLLBACK TO SAVEPOINT counting; RELEASE SAVEPOINT counting");
        return ended.map_err(not_begun).and(none);
    }
    session.begin(Some((lock_timeout(group, fence), StatementTimeout::NONE)), "").map_err(not_begun)?;
    let none = none_of(session, group, fence);
    session.roll_back();
    none
}

/// Counts what a step would lose; that there is some is a failure.
pub(super) fn none_of(session: &mut Session, group: &Group<'_>, fence: &Fence) -> Result<(), Failure> {
    let started = Instant::now();
    let sql = format!("SELECT FROM ({}) AS counted (rows) WHERE rows > 0", fence.count);
    match session.work().send(&sql, true, lock_timeout(group, fence), StatementTimeout::NONE) {
        Ok(None | Some(0)) => Ok(()),
        Ok(Some(_)) => Err(Failure::not_begun(fence.step, ServerError::would_lose(&fence.object))),
        Err(error) => Err(Failure::of(fence.step, error, started.elapsed())),
    }
}

/// Keeps others from writing what would be lost, and looks once more for what was written until then. Takes ACCESS EXCLUSIVE for a
/// moment, and SHARE UPDATE EXCLUSIVE while the rows are read.
fn stand<'a>(
    session: &mut Session,
    group: &Group<'_>,
    (fence, guard): (&Fence, &'a Guard),
    set: &mut Vec<&'a Guard>,
) -> Result<(), Failure> {
    let Guard { table, name, condition, .. } = guard;
    let lock_timeout = lock_timeout(group, fence);
    let failed = |error: ServerError, since: Instant| match error.kind {
        ServerErrorKind::CheckViolation => Failure::not_begun(fence.step, ServerError::would_lose(&fence.object)),
        _ => Failure::of(fence.step, error, since.elapsed()),
    };
    // One that is there was left by a rollback that was killed.
    let add = format!(
        "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} CHECK (({condition}) IS NOT TRUE) NOT VALID"
    );
    let started = Instant::now();
    in_its_own(session, lock_timeout, &add).map_err(|error| failed(error, started))?;
    set.push(guard);
    let started = Instant::now();
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}");
    in_its_own(session, lock_timeout, &validate).map_err(|error| failed(error, started))
}

/// Drops the check of a [`Guard`], so that others may write again. Takes ACCESS EXCLUSIVE for a moment.
///
/// # Errors
/// What the server says; the check is left then.
pub fn release(
    session: &mut Session,
    table: &ObjectName,
    name: &Ident,
    lock_timeout: LockTimeout,
) -> Result<(), ServerError> {
    const ATTEMPTS: usize = 3;
    let sql = format!("ALTER TABLE IF EXISTS {table} DROP CONSTRAINT IF EXISTS {name}");
    let mut released = in_its_own(session, lock_timeout, &sql);
    for _ in 1..ATTEMPTS {
        if released.as_ref().is_err_and(|error| error.kind == ServerErrorKind::LockTimeout) {
            released = in_its_own(session, lock_timeout, &sql);
        }
    }
    released
}

fn in_its_own(session: &mut Session, lock_timeout: LockTimeout, sql: &str) -> Result<(), ServerError> {
    session.begin(Some((lock_timeout, StatementTimeout::NONE)), "")?;
    let sent = session.work().send(sql, false, lock_timeout, StatementTimeout::NONE).and_then(|_| session.commit());
    sent.inspect_err(|_| session.roll_back())
}

fn lock_timeout(group: &Group<'_>, fence: &Fence) -> LockTimeout {
    group.steps.get(fence.step).map_or(LockTimeout::NONE, |step| step.lock_timeout)
}
