//! What the scripts' indexes and keys begin with.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    goal::{ConstraintGoalKind, DropKind, GoalKind, IndexKeyTarget, ScriptGoals},
    pg::{Ident, QualifiedName},
};

/// The keys of every table, as far as the scripts say. A schema that is written counts only against the same one.
pub(super) struct Keys {
    of_table: BTreeMap<QualifiedName, Vec<Vec<Ident>>>,
    /// Tables of which names change or go, so that nothing can be said of them without a database.
    unsure: BTreeSet<QualifiedName>,
}

impl Keys {
    pub(super) fn of(scripts: &[ScriptGoals]) -> Self {
        let mut keys = Self { of_table: BTreeMap::new(), unsure: BTreeSet::new() };
        let goals = scripts.iter().flat_map(|script| &script.statements).flat_map(|statement| &statement.goals);
        for goal in goals {
            match &goal.kind {
                // A partial index does not serve every row.
                GoalKind::Index(index) if index.predicate.is_none() => {
                    let columns = index.keys.iter().map_while(|key| match &key.target {
                        IndexKeyTarget::Column(column) => Some(column.clone()),
                        IndexKeyTarget::Expression(_) => None,
                    });
                    keys.of_table.entry(index.table.clone()).or_default().push(columns.collect());
                }
                GoalKind::Constraint { table, constraint } => {
                    if let ConstraintGoalKind::PrimaryKey { columns, .. } | ConstraintGoalKind::Unique { columns, .. } =
                        &constraint.kind
                    {
                        keys.of_table.entry(table.clone()).or_default().push(columns.clone());
                    }
                }
                GoalKind::ColumnRenamed { table, .. }
                | GoalKind::ColumnAbsent { table, .. }
                | GoalKind::ConstraintAbsent { table, .. }
                | GoalKind::TableRenamed { from: table, .. }
                | GoalKind::Absent { kind: DropKind::Table, name: table, .. } => {
                    keys.unsure.insert(table.clone());
                }
                _ => {}
            }
        }
        keys
    }

    /// Returns whether a key begins with these columns, in any order.
    pub(super) fn covers(&self, table: &QualifiedName, columns: &[Ident]) -> bool {
        let begins = |key: &Vec<Ident>| {
            key.get(..columns.len()).is_some_and(|start| columns.iter().all(|column| start.contains(column)))
        };
        self.unsure.contains(table) || self.of_table.get(table).is_some_and(|keys| keys.iter().any(begins))
    }
}
