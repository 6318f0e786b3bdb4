//! What is written down about a group: in its transaction where it has one, otherwise before and after.

use crate::{
    db::{KeptJournal, ServerError, Work},
    journal::{Ended, Entry},
    pg::LockMode,
    plan::Step,
};

use super::Done;

/// The journal, and what it is to remember of a group's steps.
pub struct Ledger<'a> {
    /// The journal.
    pub journal: &'a mut KeptJournal,
    /// Makes an entry for each step. It is asked when they are to be written: the journal may be in the making until then.
    pub make: &'a mut dyn FnMut() -> Vec<Entry>,
    /// What it has made.
    pub entries: Vec<Entry>,
}

impl Ledger<'_> {
    /// Returns what writes down what was done in the transaction that is open, to be sent there; nothing where there is no journal.
    pub(super) fn record(&mut self, steps: &[&Step], done: &[Done]) -> Result<String, ServerError> {
        if !self.journal.is_kept() {
            return Ok(String::new());
        }
        // While it is being made, perhaps.
        self.entries = (self.make)();
        let Some(journal) = self.journal.get_within()? else { return Ok(String::new()) };
        Ok(journal.record(&self.entries, Some(&ended(steps, done))))
    }

    /// Writes down what is about to be done outside of a transaction.
    pub(super) fn before(&mut self, work: &mut Work<'_>) -> Result<(), ServerError> {
        let Some(journal) = self.journal.get_within()? else { return Ok(()) };
        self.entries = (self.make)();
        work.execute(&journal.record(&self.entries, None))?;
        journal.committed();
        Ok(())
    }

    /// Writes down what came of it.
    pub(super) fn after(&mut self, work: &mut Work<'_>, steps: &[&Step], done: &[Done]) -> Result<(), ServerError> {
        let Some(journal) = self.journal.get() else { return Ok(()) };
        journal.done(work, &ended(steps, done))
    }
}

/// Others wait from the first strong lock to the end of the transaction, which is about to come: told with the step that asked
/// for it.
fn ended(steps: &[&Step], done: &[Done]) -> Vec<Ended> {
    let millis = |done: &Done| done.elapsed.as_secs_f64() * 1_000.0;
    let strong = steps.iter().position(|step| step.lock.is_some_and(|mode| mode >= LockMode::Share));
    let of = |(place, one): (usize, &Done)| Ended {
        elapsed_ms: millis(one),
        rows: one.rows.map(|rows| rows.0),
        blocked_ms: if strong == Some(place) { done[place..].iter().map(millis).sum() } else { 0.0 },
    };
    done.iter().enumerate().map(of).collect()
}
