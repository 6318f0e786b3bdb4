//! What the scripts name: what a snapshot has to hold.

use std::collections::BTreeSet;

use crate::pg::{Ident, QualifiedName, TypeName};

use super::{Accept, ConstraintGoalKind, DropKind, GoalKind, ObjectRef, RelationWord, ScriptGoals, parse_query};

/// What only some scripts speak of, so that a snapshot holds it only for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// Views.
    View,
    /// Triggers.
    Trigger,
    /// Policies and row-level security.
    Policy,
    /// Comments.
    Comment,
    /// Privileges.
    Privileges,
}

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
    /// Functions and procedures, by bare name.
    pub routines: Vec<Ident>,
    /// Databases.
    pub databases: Vec<Ident>,
    /// Roles.
    pub roles: Vec<Ident>,
    /// Which kinds of things the scripts speak of besides.
    pub kinds: BTreeSet<ObjectKind>,
}

impl Names {
    fn table(&mut self, name: &QualifiedName) {
        self.relations.push((name.clone(), true));
    }

    fn relation(&mut self, name: QualifiedName) {
        self.relations.push((name, false));
    }

    fn routine(&mut self, name: &QualifiedName, arguments: &[TypeName]) {
        self.routines.push(name.name.clone());
        self.schemas.extend(name.schema.clone());
        for type_name in arguments {
            self.type_name(type_name);
        }
    }

    fn object(&mut self, object: &ObjectRef) {
        match object {
            ObjectRef::Relation { kind: RelationWord::Table, name } => self.table(name),
            ObjectRef::Relation { name, .. } => self.relation(name.clone()),
            ObjectRef::Column { table, .. } | ObjectRef::Constraint { table, .. } => self.table(table),
            ObjectRef::Trigger { table, .. } => {
                self.kinds.insert(ObjectKind::Trigger);
                self.table(table);
            }
            ObjectRef::Policy { table, .. } => {
                self.kinds.insert(ObjectKind::Policy);
                self.table(table);
            }
            ObjectRef::Routine { name, arguments, .. } => self.routine(name, arguments.as_deref().unwrap_or_default()),
            ObjectRef::Type(name) => self.types.push(name.clone()),
            ObjectRef::Schema(name) => self.schemas.push(name.clone()),
            ObjectRef::Extension(name) => self.extensions.push(name.clone()),
            ObjectRef::Database(name) => self.databases.push(name.clone()),
        }
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

/// Returns what of these kinds goes with what a goal drops: it is to come back with it when that is taken back.
fn goes_with(goal: &GoalKind) -> &'static [ObjectKind] {
    use ObjectKind::{Comment, Policy, Privileges, Trigger, View};
    match goal {
        GoalKind::Absent { kind, .. } => match kind {
            DropKind::Table | DropKind::View | DropKind::MaterializedView => {
                &[View, Trigger, Policy, Comment, Privileges]
            }
            DropKind::Index | DropKind::Extension => &[Comment],
            DropKind::Type | DropKind::Sequence | DropKind::Schema => &[Comment, Privileges],
        },
        GoalKind::ColumnAbsent { .. } | GoalKind::ObjectAbsent { object: ObjectRef::Routine { .. }, .. } => {
            &[Comment, Privileges]
        }
        GoalKind::ConstraintAbsent { .. } | GoalKind::ObjectAbsent { .. } => &[Comment],
        _ => &[],
    }
}

fn add(names: &mut Names, goal: &GoalKind) {
    names.kinds.extend(goes_with(goal));
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
        GoalKind::View(view) => {
            names.relation(view.name.name.clone());
            for item in parse_query(&view.query.text).iter().flat_map(|query| &query.from) {
                for (table, _) in item.tables() {
                    names.relation(table.clone());
                }
            }
            names.kinds.insert(ObjectKind::View);
        }
        GoalKind::Routine(routine) => {
            let types: Vec<TypeName> = routine.arguments.iter().map(|argument| argument.type_name.clone()).collect();
            names.routine(&routine.name.name, &types);
            if let Some((type_name, _)) = &routine.returns {
                names.type_name(type_name);
            }
        }
        GoalKind::Trigger(trigger) => {
            names.table(&trigger.table.name);
            names.routine(&trigger.function.name, &[]);
            names.kinds.insert(ObjectKind::Trigger);
        }
        GoalKind::Policy(policy) => {
            names.table(&policy.table.name);
            names.roles.extend(policy.roles.iter().flatten().cloned());
            names.kinds.insert(ObjectKind::Policy);
        }
        GoalKind::RowSecurity { table, .. } => {
            names.table(table);
            names.kinds.insert(ObjectKind::Policy);
        }
        GoalKind::Comment(comment) => {
            names.object(&comment.on);
            names.kinds.insert(ObjectKind::Comment);
        }
        GoalKind::Privileges { object, terms } => {
            names.object(object);
            names.roles.extend(terms.roles.iter().flatten().cloned());
            names.kinds.insert(ObjectKind::Privileges);
        }
        GoalKind::ObjectAbsent { object, .. } => names.object(object),
        GoalKind::Opaque { .. } => {}
    }
}
