//! Base migrations: diesel's harness keeps the books, while their statements are carried out as planned steps.

use crate::{
    db::{BaseVersion, ServerError, Session, Stop},
    event::Event,
    plan::Transaction,
};

use super::{Done, Failure, Group, Ledger, Limits, carry_out, recorded};

/// Records versions as done, without carrying out anything.
///
/// # Errors
/// What the server says. It is no reason to stop a run: recording what holds is book-keeping.
pub fn record_base(session: &mut Session, versions: &[BaseVersion]) -> Result<Vec<String>, ServerError> {
    let mut added = Vec::new();
    for version in versions {
        if session.is_recorded(version)? {
            continue;
        }
        session.in_base_migration(version, &mut |_| Ok(()))?;
        added.push(version.directory.clone());
    }
    Ok(added)
}

/// Carries out the only group of a base migration and records it, both in the transaction of diesel's harness.
///
/// A group that cannot run in a transaction, or a role that may not keep the books, gets [`carry_out`] instead; the record is
/// made later, or not at all.
///
/// # Errors
/// [`Failure`].
pub fn carry_out_base(
    session: &mut Session,
    version: &BaseVersion,
    group: &Group<'_>,
    atomic: bool,
    stop: &Stop,
    mut ledger: Option<&mut Ledger<'_>>,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Done>, Failure> {
    let recordable =
        group.transaction == Transaction::Shared && session.is_recorded(version).is_ok_and(|recorded| !recorded);
    if !recordable {
        return carry_out(session, group, atomic, stop, None, ledger, emit);
    }
    let mut done = Vec::new();
    let mut failure = None;
    let outcome = session.in_base_migration(version, &mut |work| {
        let ledger = ledger.as_deref_mut();
        recorded(work, group, Limits::Transaction(None), stop, None, ledger, emit).map(|steps| done = steps).map_err(
            |failed| {
                let error = failed.error.clone();
                failure = Some(failed);
                error
            },
        )
    });
    match outcome {
        Ok(()) => Ok(done),
        Err(error) => Err(failure.unwrap_or_else(|| Failure::not_begun(group.steps.len(), error))),
    }
}
