//! Steps put together into transactions.

use crate::{
    goal::TransactionGrouping,
    plan::{Barrier, StatementPlan, Step, Transaction},
    script::ScriptId,
};

/// Steps that are done and undone together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// The script that they belong to.
    pub script: ScriptId,
    /// The steps in order.
    pub steps: Vec<&'a Step>,
    /// Whether they run in a transaction, and what else may.
    pub transaction: Transaction,
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
                _ => groups.push(Group { script, steps: vec![step], transaction: step.transaction }),
            }
        }
    }
    groups
}
