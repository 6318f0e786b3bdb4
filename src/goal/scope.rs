//! What the scripts name: what a snapshot has to hold.

use crate::pg::{Ident, QualifiedName, TypeName};

use super::{Accept, ConstraintGoalKind, DropKind, GoalKind, ScriptGoals};

/// The names of all scripts, by what they name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Tables and other relations that goals are about, as written. True marks tables.
    pub relations: Vec<(QualifiedName, bool)>,
    /// Types that are not built in.
    pub types: Vec<QualifiedName>,
    /// Schemas.
    pub schemas: Vec<Ident>,
    /// Extensions.
    pub extensions: Vec<Ident>,
}

impl Names {
    fn table(&mut self, name: &QualifiedName) {
        self.relations.push((name.clone(), true));
    }

    fn relation(&mut self, name: QualifiedName) {
        self.relations.push((name, false));
    }

    fn type_name(&mut self, type_name: &TypeName) {
        let element = type_name.element().unwrap_or_else(|| type_name.clone());
        if !element.is_builtin() {
            self.types.push(QualifiedName { schema: element.schema().cloned(), name: Ident::new(element.name()) });
        }
    }
}

/// Returns everything that the scripts name.
#[must_use]
pub fn scope(scripts: &[ScriptGoals]) -> Names {
    let mut names = Names::default();
    for script in scripts {
        for Accept { table, type_name, .. } in &script.accepts {
            names.table(table);
            names.type_name(type_name);
        }
        for goal in script.statements.iter().flat_map(|statement| &statement.goals) {
            add(&mut names, &goal.kind);
        }
    }
    names
}

fn add(names: &mut Names, goal: &GoalKind) {
    match goal {
        GoalKind::Schema(name) => names.schemas.push(name.clone()),
        GoalKind::Extension { name, schema, .. } => {
            names.extensions.push(name.clone());
            names.schemas.extend(schema.clone());
        }
        GoalKind::Enum { name, .. } | GoalKind::EnumLabel { name, .. } | GoalKind::EnumLabelRenamed { name, .. } => {
            names.types.push(name.clone());
        }
        GoalKind::Sequence { name, .. } => names.relation(name.clone()),
        GoalKind::Table { name } => names.table(name),
        GoalKind::Column { table, column, .. } => {
            names.table(table);
            names.type_name(&column.type_name);
        }
        GoalKind::ColumnType { table, type_name, .. } => {
            names.table(table);
            names.type_name(type_name);
        }
        GoalKind::ColumnAbsent { table, .. }
        | GoalKind::ColumnNullability { table, .. }
        | GoalKind::ColumnDefault { table, .. }
        | GoalKind::ColumnIdentity { table, .. }
        | GoalKind::ConstraintAbsent { table, .. }
        | GoalKind::ConstraintValidated { table, .. }
        | GoalKind::ColumnRenamed { table, .. }
        | GoalKind::ConstraintRenamed { table, .. } => names.table(table),
        GoalKind::Constraint { table, constraint } => {
            names.table(table);
            if let ConstraintGoalKind::ForeignKey { table, .. } = &constraint.kind {
                names.table(table);
            }
        }
        // Indexes come with their table. Whether the name of one that is missing is taken by something else is asked only then.
        GoalKind::Index(index) => names.table(&index.table),
        GoalKind::Absent { kind, name, .. } => match kind {
            DropKind::Type => names.types.push(name.clone()),
            DropKind::Schema => names.schemas.push(name.name.clone()),
            DropKind::Extension => names.extensions.push(name.name.clone()),
            DropKind::Table => names.table(name),
            DropKind::Index | DropKind::Sequence | DropKind::View | DropKind::MaterializedView => {
                names.relation(name.clone());
            }
        },
        GoalKind::TableRenamed { from, to } => {
            names.table(from);
            names.table(&QualifiedName { schema: from.schema.clone(), name: to.clone() });
        }
        GoalKind::IndexRenamed { from, to } => {
            names.relation(from.clone());
            names.relation(QualifiedName { schema: from.schema.clone(), name: to.clone() });
        }
        GoalKind::Backfill(backfill) => names.table(&backfill.table),
        GoalKind::Seed(seed) => names.table(&seed.table),
        GoalKind::Opaque { .. } => {}
    }
}
