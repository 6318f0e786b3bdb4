//! Steps put together into transactions.

use crate::{
    catalog::Snapshot,
    db::BaseVersion,
    goal::TransactionGrouping,
    pg::{Hazard, Ident, LockMode, ObjectName},
    plan::{Barrier, StatementPlan, Step, Transaction, Verb},
    script::ScriptId,
};

use super::strong_locks;

/// Steps that are done and undone together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// The script that they belong to.
    pub script: ScriptId,
    /// The steps in order.
    pub steps: Vec<&'a Step>,
    /// Whether they run in a transaction, and what else may.
    pub transaction: Transaction,
    /// The locks that are taken before the first step, in their order, each with the place of the step that asks for it.
    pub locks: Vec<FirstLock>,
    /// What must not be there, before they are taken and then.
    pub fences: Vec<Fence>,
    /// Base migrations that are done with it, and go into diesel's books in its transaction.
    pub records: Vec<BaseVersion>,
}

/// Rows or values that a step would lose, and of which there were none when they were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The place of the step.
    pub step: usize,
    /// What would be lost, in words.
    pub object: String,
    /// A read-only query for how many rows would lose something.
    pub count: String,
    /// What keeps others from writing some, where it is a column that goes.
    pub guard: Option<Guard>,
}

/// A check that nothing is in a column which is about to be dropped. With it others cannot write there while rows are read for what
/// would be lost, which takes too long to be done under the lock of the drop; it goes with the column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The table.
    pub table: ObjectName,
    /// Its own name.
    pub name: Ident,
    /// The condition under which a row would lose something.
    pub condition: String,
    /// Whether the table is large; otherwise that is found out by how long it takes to read it.
    pub is_large: bool,
}

/// How the name of a [`Guard`] ends.
pub const GUARD: &str = "__hm_keep";

/// A lock that a group takes before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstLock {
    /// The place of the step that asks for it.
    pub step: usize,
    /// The table.
    pub table: ObjectName,
    /// The strongest mode that the group needs.
    pub mode: LockMode,
}

impl Group<'_> {
    /// Settles which locks the group takes first: those on tables that are there already, where it needs strong ones on two or more
    /// of them, or a weaker one on one of them before. Whoever works on the same tables in that order is waited for then, and
    /// neither side holds what the other one needs; no lock is changed for a stronger one.
    ///
    /// What may take long is not waited for under locks of others: where something is written anew or not read, each lock comes
    /// with its step. Source: ONLINE-DDL section B.1. A table alone, of which something would be lost, is locked before it is looked
    /// for that.
    pub fn lock_first(&mut self, snapshot: &Snapshot) {
        let strong = strong_locks(self);
        let fenced = !self.fences.is_empty() && strong.len() == 1;
        let takes_long = |step: &&Step| {
            let waits = |hazard: &Hazard| matches!(hazard, Hazard::Rewrite | Hazard::BlockingLock);
            step.verb == Verb::Run || (!fenced && step.hazards.iter().any(waits))
        };
        if self.transaction == Transaction::None || self.steps.iter().any(takes_long) {
            return;
        }
        let raised = |(_, table, mode): &(usize, &ObjectName, LockMode)| {
            let mut same = self.steps.iter().filter(|step| step.table.as_ref() == Some(*table));
            same.any(|step| step.lock.is_some_and(|lock| lock < *mode))
        };
        // Who may change its rows may lock a table.
        let known = |table: &ObjectName| snapshot.tables.get(table).filter(|state| state.may_update);
        let mut locks: Vec<(u32, FirstLock)> = strong
            .iter()
            .filter_map(|(step, table, mode)| {
                let lock = FirstLock { step: *step, table: (*table).clone(), mode: *mode };
                Some((known(table)?.oid, lock))
            })
            .collect();
        if locks.len() < 2 && !fenced && !strong.iter().any(raised) {
            return;
        }
        locks.sort_by_key(|(oid, _)| *oid);
        self.locks = locks.into_iter().map(|(_, lock)| lock).collect();
    }

    /// Returns the statements that take the first locks, each with what is to be locked in one mode; nothing where there are none.
    #[must_use]
    pub fn locking(&self) -> String {
        let modes = self.locks.chunk_by(|one, next| one.mode == next.mode);
        let one = |locks: &[FirstLock]| {
            let tables: Vec<_> = locks.iter().map(|lock| lock.table.to_string()).collect();
            let mode = locks.first().map(|lock| lock.mode)?;
            Some(format!("LOCK TABLE ONLY {} IN {mode} MODE", tables.join(", ONLY ")))
        };
        modes.filter_map(one).collect::<Vec<_>>().join("; ")
    }
}

/// Returns the groups of a plan's statements up to a barrier, in order. A group holds steps of one script only; a step that cannot run in
/// a transaction, or needs one of its own, stands alone.
#[must_use]
pub fn groups<'a>(
    statements: &'a [StatementPlan],
    barrier: Option<Barrier>,
    grouping: &dyn Fn(ScriptId) -> TransactionGrouping,
    atomic: bool,
) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for statement in statements {
        if let Some(Barrier { statement: barrier, inclusive }) = barrier
            && (statement.id > barrier || (statement.id == barrier && !inclusive))
        {
            break;
        }
        let script = statement.id.script;
        let alone = grouping(script) == TransactionGrouping::None;
        // The steps of one statement stay together even where statements do not share transactions.
        let mut first = true;
        for step in &statement.steps {
            let joins = groups.last().is_some_and(|last| {
                atomic
                    || (last.script == script && step.transaction == Transaction::Joined)
                    || (last.script == script
                        && last.transaction == Transaction::Shared
                        && step.transaction == Transaction::Shared
                        && !(alone && first))
            });
            first = false;
            match groups.last_mut() {
                Some(last) if joins => last.steps.push(step),
                _ => groups.push(Group {
                    script,
                    steps: vec![step],
                    transaction: step.transaction,
                    locks: Vec::new(),
                    fences: Vec::new(),
                    records: Vec::new(),
                }),
            }
        }
    }
    groups
}
