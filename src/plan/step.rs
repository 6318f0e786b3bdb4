//! A plan as data: what is printed, reviewed and carried out is this one value.

use crate::{
    catalog::Snapshot,
    diagnostic::Finding,
    goal::StatementId,
    pg::{Hazard, Ident, LockMode, LockTimeout, ObjectName, RowCount, StatementTimeout, TableLimits},
    script::Span,
};

use super::{Batches, Kept, Moved, Question};

/// The ordered difference between what holds and what the scripts say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Every statement in order, also those with nothing to do.
    pub statements: Vec<StatementPlan>,
    /// What stands in the way. A run with findings changes nothing (but see [`Plan::deferred`]).
    pub findings: Vec<Finding>,
    /// What would stand in the way of statements after the barrier, if the statement there changed nothing; looked at again
    /// after it.
    pub deferred: Vec<Finding>,
    /// What refused statements would do besides what is in their way: never carried out, but it differs all the same.
    pub withheld: Vec<Step>,
    /// Questions that have to be answered for this plan to be final. Plan again with their answers.
    pub questions: Vec<Question>,
    /// The statement before or after which the plan has to be made anew; no step beyond it may be carried out.
    pub barrier: Option<Barrier>,
    /// What was looked at, for the report.
    pub checked: Vec<Checked>,
    /// The catalog as it is once the plan is carried out; `None` where it did not come to planning.
    pub after: Option<Box<Snapshot>>,
}

/// Where a plan ends for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// The statement.
    pub statement: StatementId,
    /// Whether its own steps come before the barrier.
    pub inclusive: bool,
}

impl Plan {
    /// Returns every step in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.statements.iter().flat_map(|statement| &statement.steps)
    }

    /// Returns whether nothing is to be done and nothing is in the way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps().next().is_none() && self.findings.is_empty() && self.deferred.is_empty() && self.barrier.is_none()
    }
}

/// What is to be done for one statement.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementPlan {
    /// The statement.
    pub id: StatementId,
    /// How it stands.
    pub state: State,
    /// What makes it true, in order. The steps of one goal follow each other, with one span; the last of them that does not drop
    /// what only helped names the object that the goal is about.
    pub steps: Vec<Step>,
    /// What the steps change, where there are any: what their inverse is made from.
    pub moved: Option<Box<Moved>>,
}

/// How a statement stands against the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything it says holds.
    Satisfied,
    /// Something is missing; the steps make it.
    Missing,
    /// Something is there, but not as declared.
    Conflicting,
    /// It could not be found out: why.
    Unverified(String),
    /// Its guard does not let it apply.
    NotApplicable,
    /// A later statement decides.
    Superseded,
    /// It is known only once an earlier statement has run.
    UnknownUntil(StatementId),
}

/// One SQL command of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The statement that asks for it.
    pub statement: StatementId,
    /// The part of the script that asks for it.
    pub span: Span,
    /// What is sent.
    pub sql: String,
    /// Which bytes of `sql` are the script's own: from byte, to byte, and the script's byte that the first of them is.
    pub origins: Vec<(usize, usize, usize)>,
    /// What it does to the object.
    pub verb: Verb,
    /// The object, in words: `index idx_leave_status on public.leaves`.
    pub object: String,
    /// The table that it touches.
    pub table: Option<ObjectName>,
    /// How large that table is, where it is there already and has been counted.
    pub size: Option<TableSize>,
    /// The form chosen, and why.
    pub form: Form,
    /// The strongest lock on an existing table.
    pub lock: Option<LockMode>,
    /// The longest wait for that lock.
    pub lock_timeout: LockTimeout,
    /// The longest it may run.
    pub statement_timeout: StatementTimeout,
    /// What it costs.
    pub hazards: Vec<Hazard>,
    /// How it goes with transactions.
    pub transaction: Transaction,
    /// The index that is left invalid where this step fails.
    pub leftover: Option<ObjectName>,
    /// How its rows are changed bit by bit, where they are: `sql` is then never sent as a whole.
    pub batches: Option<Batches>,
    /// Where the old values of its rows are kept, where they are.
    pub keeps: Option<Kept>,
    /// Whether everything is looked at again before this step, where others were carried out before it: they may have taken
    /// long.
    pub looks_again: bool,
}

impl Step {
    /// Returns the script's byte for a character of `sql` that the server's error names (counted from 1), if that character
    /// came from the script.
    #[must_use]
    pub fn script_byte(&self, position: usize) -> Option<usize> {
        let (byte, _) = self.sql.char_indices().nth(position.checked_sub(1)?)?;
        self.origins
            .iter()
            .find(|(from, to, _)| (*from..*to).contains(&byte))
            .map(|(from, _, start)| start + byte - from)
    }
}

/// How large a table is, as far as the catalog knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSize {
    /// Its pages: by a look at the file where the form depended on it, otherwise by the last VACUUM or ANALYZE.
    pub pages: u64,
    /// Its rows, estimated; `None` where they were never counted.
    pub rows: Option<RowCount>,
    /// From which size on it would count as large.
    pub limits: TableLimits,
}

/// What a step does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Makes it.
    Add,
    /// Changes it.
    Alter,
    /// Drops it.
    Drop,
    /// Fills rows.
    Fill,
    /// Runs a statement that is not read.
    Run,
}

/// The form of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// The catalog alone is changed.
    CatalogOnly,
    /// The table is scanned or an index built while the lock is held.
    Plain(String),
    /// The table is written anew while the lock is held.
    Rewrite(String),
    /// Others read and write meanwhile.
    Online(String),
    /// As the script writes it.
    AsWritten,
}

/// How a step goes with transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// It may share one with other steps.
    Shared,
    /// It needs one of its own, committed before what follows.
    Own,
    /// It goes with the step before it, into whatever transaction that one is in.
    Joined,
    /// It cannot run in one.
    None,
}

/// One object that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checked {
    /// The table, for what belongs to one.
    pub table: Option<ObjectName>,
    /// What it is.
    pub kind: CheckedKind,
    /// Its name.
    pub name: Ident,
    /// The details that were compared: `character varying(255) not null`.
    pub details: String,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckedKind {
    /// A table.
    Table,
    /// A column.
    Column,
    /// An index.
    Index,
    /// A constraint.
    Constraint,
    /// An enum type.
    Enum,
    /// A sequence.
    Sequence,
    /// A view or materialised view.
    View,
    /// A function or procedure.
    Routine,
    /// A trigger.
    Trigger,
    /// A policy, or whether row-level security is on.
    Policy,
    /// A comment.
    Comment,
    /// Privileges.
    Privileges,
    /// A schema.
    Schema,
    /// An extension.
    Extension,
    /// Rows: a backfill or seed.
    Rows,
    /// A statement that is not read.
    Opaque,
}
