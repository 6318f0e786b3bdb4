//! The declared state: which statement has the last word on which aspect of an object.
//!
//! An assertion (CREATE, ADD) of an aspect that a later ALTER, DROP or RENAME decides is not held against the database, so
//! that a database at the declared state satisfies all scripts and nothing goes back and forth.

use rustc_hash::FxHashMap;

use crate::{
    catalog::Object,
    goal::{DropKind, Goal, GoalKind, GrantTerms, ObjectRef, ScriptGoals, StatementGoals},
    pg::{Ident, ObjectName, QualifiedName, TypeName},
};

/// One thing that can be said of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Aspect {
    /// A table, view, index or sequence exists.
    Relation(ObjectName),
    /// A type exists.
    Type(ObjectName),
    /// A schema exists.
    Schema(Ident),
    /// An extension is installed.
    Extension(Ident),
    /// A column exists.
    Column(ObjectName, Ident),
    /// A constraint exists.
    Constraint(ObjectName, Ident),
    /// A column's type.
    ColumnType(ObjectName, Ident),
    /// Whether a column may be NULL.
    Nullability(ObjectName, Ident),
    /// A column's default.
    Default(ObjectName, Ident),
    /// Whether a column is an identity.
    Identity(ObjectName, Ident),
    /// A routine, trigger or policy exists.
    Object(Object),
    /// The comment on an object.
    Comment(Object),
    /// Row-level security of a table: enabled, or (true) forced on its owner.
    RowSecurity(ObjectName, bool),
    /// Who may do what with an object.
    Privileges(Object),
}

/// How a statement speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    Assert,
    Alter,
    Drop,
}

/// A rename, by the place of its statement in the whole run.
#[derive(Clone, Debug)]
enum Rename {
    Table { from: ObjectName, to: ObjectName },
    Column { table: ObjectName, from: Ident, to: Ident },
    Constraint { table: ObjectName, from: Ident, to: Ident },
    Index { from: ObjectName, to: ObjectName },
    Label { of: ObjectName, from: String, to: String },
}

/// Returns whether a goal alters, drops or renames, rather than asserts.
const fn is_change(goal: &GoalKind) -> bool {
    matches!(
        goal,
        GoalKind::ColumnAbsent { .. }
            | GoalKind::ColumnType { .. }
            | GoalKind::ColumnNullability { .. }
            | GoalKind::ColumnDefault { .. }
            | GoalKind::ColumnIdentity { .. }
            | GoalKind::ConstraintAbsent { .. }
            // It speaks of a constraint by the name that an earlier statement gives it.
            | GoalKind::ConstraintValidated { .. }
            | GoalKind::Absent { .. }
            | GoalKind::ColumnRenamed { .. }
            | GoalKind::TableRenamed { .. }
            | GoalKind::ConstraintRenamed { .. }
            | GoalKind::IndexRenamed { .. }
            | GoalKind::View(_)
            | GoalKind::Routine(_)
            | GoalKind::Trigger(_)
            | GoalKind::Policy(_)
            | GoalKind::RowSecurity { .. }
            | GoalKind::Comment(_)
            | GoalKind::Privileges { .. }
            | GoalKind::ObjectAbsent { .. }
    )
}

/// Who speaks of what, in order.
#[derive(Debug, Default)]
pub(super) struct Declared<'a> {
    speeches: FxHashMap<Aspect, Vec<(usize, Speech, &'a Goal)>>,
    /// Whether any statement alters, drops or renames. Scripts that only assert need nothing of all this.
    changes: bool,
    renames: Vec<(usize, Rename)>,
}

impl<'a> Declared<'a> {
    /// Folds the statements that apply. Statements are counted from 0 over all scripts, those that do not apply included.
    pub(super) fn fold(scripts: &'a [ScriptGoals], target: &Ident, applies: &dyn Fn(&StatementGoals) -> bool) -> Self {
        let mut declared = Self::default();
        let statements = || scripts.iter().flat_map(|script| &script.statements).enumerate();
        // Renames first: aspects are kept under the names that objects have in the end.
        for (order, statement) in statements().filter(|(_, statement)| applies(statement)) {
            for goal in &statement.goals {
                declared.rename(order, &goal.kind, target);
            }
        }
        declared.changes = !declared.renames.is_empty()
            || statements().flat_map(|(_, statement)| &statement.goals).any(|goal| is_change(&goal.kind));
        if declared.changes {
            for (order, statement) in statements().filter(|(_, statement)| applies(statement)) {
                for goal in &statement.goals {
                    declared.add(order, goal, target);
                }
            }
        }
        declared
    }

    fn rename(&mut self, order: usize, goal: &GoalKind, target: &Ident) {
        let rename = match goal {
            GoalKind::TableRenamed { from, to } => {
                let from = from.resolve(target);
                Rename::Table { to: from.sibling(to.clone()), from }
            }
            GoalKind::IndexRenamed { from, to } => {
                let from = from.resolve(target);
                Rename::Index { to: from.sibling(to.clone()), from }
            }
            GoalKind::ColumnRenamed { table, from, to } => {
                Rename::Column { table: table.resolve(target), from: from.clone(), to: to.clone() }
            }
            GoalKind::ConstraintRenamed { table, from, to } => {
                Rename::Constraint { table: table.resolve(target), from: from.clone(), to: to.clone() }
            }
            GoalKind::EnumLabelRenamed { name, from, to } => {
                Rename::Label { of: name.resolve(target), from: from.clone(), to: to.clone() }
            }
            _ => return,
        };
        self.renames.push((order, rename));
    }

    fn add(&mut self, order: usize, goal: &'a Goal, target: &Ident) {
        use Speech::{Alter, Assert, Drop};
        let table_of = |this: &Self, name: &QualifiedName| this.table_name(order, &name.resolve(target));
        let said: Vec<(Aspect, Speech)> = match &goal.kind {
            GoalKind::Schema(name) => vec![(Aspect::Schema(name.clone()), Assert)],
            GoalKind::Extension { name, .. } => vec![(Aspect::Extension(name.clone()), Assert)],
            GoalKind::Enum { name, .. } => vec![(Aspect::Type(name.resolve(target)), Assert)],
            GoalKind::Sequence { name, .. } => vec![(Aspect::Relation(name.resolve(target)), Assert)],
            GoalKind::Table { name } => vec![(Aspect::Relation(table_of(self, name)), Assert)],
            GoalKind::Column { table, column, .. } => {
                let table = table_of(self, table);
                let name = self.column_name(order, &table, &column.name);
                vec![(Aspect::Column(table, name), Assert)]
            }
            GoalKind::ColumnAbsent { table, column, .. } => {
                vec![(Aspect::Column(table_of(self, table), column.clone()), Drop)]
            }
            GoalKind::ColumnType { table, column, .. } => {
                let table = table_of(self, table);
                let name = self.column_name(order, &table, column);
                vec![(Aspect::ColumnType(table, name), Alter)]
            }
            GoalKind::ColumnNullability { table, column, .. } => {
                let table = table_of(self, table);
                let name = self.column_name(order, &table, column);
                vec![(Aspect::Nullability(table, name), Alter)]
            }
            GoalKind::ColumnDefault { table, column, .. } => {
                let table = table_of(self, table);
                let name = self.column_name(order, &table, column);
                vec![(Aspect::Default(table, name), Alter)]
            }
            GoalKind::ColumnIdentity { table, column, .. } => {
                let table = table_of(self, table);
                let name = self.column_name(order, &table, column);
                vec![(Aspect::Identity(table.clone(), name.clone()), Alter), (Aspect::Default(table, name), Alter)]
            }
            GoalKind::Constraint { table, constraint } => match &constraint.name {
                Some(name) => {
                    let table = table_of(self, table);
                    let name = self.constraint_name(order, &table, name);
                    vec![(Aspect::Constraint(table, name), Assert)]
                }
                None => Vec::new(),
            },
            GoalKind::ConstraintAbsent { table, name, .. } => {
                vec![(Aspect::Constraint(table_of(self, table), name.clone()), Drop)]
            }
            GoalKind::Index(index) => match &index.name {
                Some(name) => {
                    let name = index.table.resolve(target).sibling(name.clone());
                    vec![(Aspect::Relation(self.index_name(order, &name)), Assert)]
                }
                None => Vec::new(),
            },
            GoalKind::Absent { kind, name, .. } => match kind {
                DropKind::Type => vec![(Aspect::Type(name.resolve(target)), Drop)],
                DropKind::Schema => vec![(Aspect::Schema(name.name.clone()), Drop)],
                DropKind::Extension => vec![(Aspect::Extension(name.name.clone()), Drop)],
                _ => vec![(Aspect::Relation(name.resolve(target)), Drop)],
            },
            GoalKind::View(view) => vec![(Aspect::Relation(view.name.name.resolve(target)), Assert)],
            GoalKind::Routine(routine) => {
                let object = routine_named(&routine.name.name, &routine.signature(), target);
                vec![(Aspect::Object(object), Assert)]
            }
            GoalKind::Trigger(trigger) => {
                let table = table_of(self, &trigger.table.name);
                vec![(Aspect::Object(Object::Trigger(table, trigger.name.ident.clone())), Assert)]
            }
            GoalKind::Policy(policy) => {
                let table = table_of(self, &policy.table.name);
                vec![(Aspect::Object(Object::Policy(table, policy.name.ident.clone())), Assert)]
            }
            GoalKind::RowSecurity { table, force, .. } => {
                vec![(Aspect::RowSecurity(table_of(self, table), *force), Alter)]
            }
            GoalKind::Comment(comment) => {
                vec![(Aspect::Comment(self.object_named(order, &comment.on, target)), Alter)]
            }
            GoalKind::Privileges { object, .. } => {
                vec![(Aspect::Privileges(self.object_named(order, object, target)), Alter)]
            }
            GoalKind::ObjectAbsent { object, .. } => {
                vec![(Aspect::Object(self.object_named(order, object, target)), Drop)]
            }
            _ => Vec::new(),
        };
        for (aspect, speech) in said {
            self.speeches.entry(aspect).or_default().push((order, speech, goal));
        }
    }

    /// Returns whether a later statement drops the object.
    pub(super) fn dropped_after(&self, order: usize, aspect: &Aspect) -> bool {
        self.changes && self.after(order, aspect).any(|(_, speech, _)| *speech == Speech::Drop)
    }

    /// Returns whether a later statement makes the object.
    pub(super) fn made_after(&self, order: usize, aspect: &Aspect) -> bool {
        self.after(order, aspect).any(|(_, speech, _)| *speech == Speech::Assert)
    }

    /// Returns the last later assertion of the object.
    pub(super) fn asserted_after(&self, order: usize, aspect: &Aspect) -> Option<&'a Goal> {
        self.after(order, aspect).filter(|(_, speech, _)| *speech == Speech::Assert).last().map(|(_, _, goal)| *goal)
    }

    /// Returns the last assertion of the object in all scripts, and its place.
    pub(super) fn assertion(&self, aspect: &Aspect) -> Option<(usize, &'a Goal)> {
        let said = self.speeches.get(aspect)?;
        said.iter().rev().find(|(_, speech, _)| *speech == Speech::Assert).map(|(at, _, goal)| (*at, *goal))
    }

    /// Returns whether the last that an earlier statement says of the object is to drop it: what is made now replaces it.
    pub(super) fn dropped_before(&self, order: usize, aspect: &Aspect) -> bool {
        let said = self.speeches.get(aspect).into_iter().flatten();
        said.take_while(|(at, _, _)| *at < order).last().is_some_and(|(_, speech, _)| *speech == Speech::Drop)
    }

    /// Returns what later statements grant and revoke on the object.
    pub(super) fn granted_after(&self, order: usize, object: &Object) -> Vec<&'a GrantTerms> {
        self.after(order, &Aspect::Privileges(object.clone()))
            .filter_map(|(_, _, goal)| match &goal.kind {
                GoalKind::Privileges { terms, .. } => Some(&**terms),
                _ => None,
            })
            .collect()
    }

    /// Returns the object that the statement at `order` means, under the names that it has in the end.
    pub(super) fn object_named(&self, order: usize, object: &ObjectRef, target: &Ident) -> Object {
        let table_of = |name: &QualifiedName| self.table_name(order, &name.resolve(target));
        match object {
            ObjectRef::Relation { name, .. } => Object::Relation(self.index_name(order, &table_of(name))),
            ObjectRef::Column { table, column } => {
                let table = table_of(table);
                let column = self.column_name(order, &table, column);
                Object::Column(table, column)
            }
            ObjectRef::Constraint { table, name } => {
                let table = table_of(table);
                let name = self.constraint_name(order, &table, name);
                Object::Constraint(table, name)
            }
            ObjectRef::Trigger { table, name } => Object::Trigger(table_of(table), name.clone()),
            ObjectRef::Policy { table, name } => Object::Policy(table_of(table), name.clone()),
            ObjectRef::Routine { name, arguments, .. } => {
                routine_named(name, arguments.as_deref().unwrap_or_default(), target)
            }
            ObjectRef::Type(name) => Object::Type(name.resolve(target)),
            ObjectRef::Schema(name) => Object::Schema(name.clone()),
            ObjectRef::Extension(name) => Object::Extension(name.clone()),
            ObjectRef::Database(name) => Object::Database(name.clone()),
        }
    }

    /// Returns whether any statement renames a label of an enum.
    pub(super) fn renames_labels(&self) -> bool {
        self.renames.iter().any(|(_, rename)| matches!(rename, Rename::Label { .. }))
    }

    /// Returns whether any statement renames a column.
    pub(super) fn renames_columns(&self) -> bool {
        self.renames.iter().any(|(_, rename)| matches!(rename, Rename::Column { .. }))
    }

    /// Returns the last later statement that sets the aspect by ALTER.
    pub(super) fn altered_after(&self, order: usize, aspect: &Aspect) -> Option<&'a Goal> {
        if !self.changes {
            return None;
        }
        self.after(order, aspect).filter(|(_, speech, _)| *speech == Speech::Alter).last().map(|(_, _, goal)| *goal)
    }

    fn after(&self, order: usize, aspect: &Aspect) -> impl Iterator<Item = &(usize, Speech, &'a Goal)> {
        self.speeches.get(aspect).into_iter().flatten().filter(move |(at, _, _)| *at > order)
    }

    /// Returns the name that a table, named so by the statement at `order`, has in the end.
    pub(super) fn table_name(&self, order: usize, name: &ObjectName) -> ObjectName {
        self.table_name_until(order, name, &|_| false)
    }

    /// Returns the first of the names that a table has from the statement at `order` on for which `is` holds; the last
    /// where it holds for none.
    pub(super) fn table_name_until(
        &self,
        order: usize,
        name: &ObjectName,
        is: &dyn Fn(&ObjectName) -> bool,
    ) -> ObjectName {
        let next = |rename: &Rename, current: &ObjectName| match rename {
            Rename::Table { from, to } if from == current => Some(to.clone()),
            _ => None,
        };
        self.walk(order, name.clone(), &|_, rename, current| next(rename, current), is)
    }

    /// Returns the name that a column, named so by the statement at `order`, has in the end. `table` is the final name of
    /// its table.
    pub(super) fn column_name(&self, order: usize, table: &ObjectName, name: &Ident) -> Ident {
        self.column_name_until(order, table, name, &|_| false)
    }

    /// As [`Self::table_name_until`], of a column.
    pub(super) fn column_name_until(
        &self,
        order: usize,
        table: &ObjectName,
        name: &Ident,
        is: &dyn Fn(&Ident) -> bool,
    ) -> Ident {
        let next = |at, rename: &Rename, current: &Ident| match rename {
            Rename::Column { table: of, from, to } if from == current && self.table_name(at, of) == *table => {
                Some(to.clone())
            }
            _ => None,
        };
        self.walk(order, name.clone(), &next, is)
    }

    /// Returns the name that a constraint, named so by the statement at `order`, has in the end.
    pub(super) fn constraint_name(&self, order: usize, table: &ObjectName, name: &Ident) -> Ident {
        self.constraint_name_until(order, table, name, &|_| false)
    }

    /// As [`Self::table_name_until`], of a constraint.
    pub(super) fn constraint_name_until(
        &self,
        order: usize,
        table: &ObjectName,
        name: &Ident,
        is: &dyn Fn(&Ident) -> bool,
    ) -> Ident {
        let next = |at, rename: &Rename, current: &Ident| match rename {
            Rename::Constraint { table: of, from, to } if from == current && self.table_name(at, of) == *table => {
                Some(to.clone())
            }
            _ => None,
        };
        self.walk(order, name.clone(), &next, is)
    }

    /// Returns the name that an index, named so by the statement at `order`, has in the end.
    pub(super) fn index_name(&self, order: usize, name: &ObjectName) -> ObjectName {
        self.index_name_until(order, name, &|_| false)
    }

    /// As [`Self::table_name_until`], of an index.
    pub(super) fn index_name_until(
        &self,
        order: usize,
        name: &ObjectName,
        is: &dyn Fn(&ObjectName) -> bool,
    ) -> ObjectName {
        let next = |rename: &Rename, current: &ObjectName| match rename {
            Rename::Index { from, to } if from == current => Some(to.clone()),
            _ => None,
        };
        self.walk(order, name.clone(), &|_, rename, current| next(rename, current), is)
    }

    /// As [`Self::table_name_until`], of a label of an enum type.
    pub(super) fn label_name_until(
        &self,
        order: usize,
        enum_type: &ObjectName,
        label: &str,
        is: &dyn Fn(&String) -> bool,
    ) -> String {
        let next = |rename: &Rename, current: &String| match rename {
            Rename::Label { of, from, to } if of == enum_type && from == current => Some(to.clone()),
            _ => None,
        };
        self.walk(order, label.to_owned(), &|_, rename, current| next(rename, current), is)
    }

    /// Follows the renames after `order` until `is` holds.
    fn walk<T>(
        &self,
        order: usize,
        name: T,
        next: &dyn Fn(usize, &Rename, &T) -> Option<T>,
        is: &dyn Fn(&T) -> bool,
    ) -> T {
        let mut current = name;
        for (at, rename) in self.renames.iter().filter(|(at, _)| *at > order) {
            if is(&current) {
                break;
            }
            if let Some(name) = next(*at, rename, &current) {
                current = name;
            }
        }
        current
    }
}

/// Returns a routine by the types that a script writes. Which schema an unqualified type is found in does not matter here.
fn routine_named(name: &QualifiedName, arguments: &[TypeName], target: &Ident) -> Object {
    let arguments = arguments
        .iter()
        .map(
            |type_name| {
                if type_name.schema().is_some() { type_name.clone() } else { type_name.with_schema(target.clone()) }
            },
        )
        .collect();
    Object::Routine(name.resolve(target), arguments)
}
