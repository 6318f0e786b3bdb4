//! What a message is about: the object that the part of the statement speaks of.

use crate::{
    diagnostic::Subject,
    goal::{DropKind, GoalKind, ObjectRef, RelationWord},
    pg::{Ident, ObjectName, QualifiedName},
    script::Span,
};

use super::Planner;

impl Planner<'_> {
    /// Returns the object that the narrowest goal around a place speaks of.
    pub(super) fn subject_at(&self, span: Span) -> Option<Subject> {
        let around = self.goals.iter().filter(|goal| goal.span.start <= span.start && span.start <= goal.span.end);
        let goal = around.min_by_key(|goal| goal.span.end - goal.span.start)?;
        self.subject_of(&goal.kind)
    }

    fn subject_of(&self, goal: &GoalKind) -> Option<Subject> {
        let other = |kind, name: &QualifiedName| Subject::named(kind, name.resolve(&self.target).to_string());
        Some(match goal {
            GoalKind::Schema(name) => Subject::named("schema", name.to_string()),
            GoalKind::Extension { name, .. } => Subject::named("extension", name.to_string()),
            GoalKind::Enum { name, .. }
            | GoalKind::EnumLabel { name, .. }
            | GoalKind::EnumLabelRenamed { name, .. } => other("enum", name),
            GoalKind::Sequence { name, .. } => Subject::relation("sequence", name.resolve(&self.target)),
            GoalKind::Table { name } | GoalKind::RowSecurity { table: name, .. } => self.table_subject(name),
            GoalKind::TableRenamed { from, .. } => self.table_subject(from),
            GoalKind::Backfill(backfill) => self.table_subject(&backfill.table),
            GoalKind::Seed(seed) => self.table_subject(&seed.table),
            GoalKind::Column { table, column, .. } => self.column_subject(table, &column.name),
            GoalKind::ColumnAbsent { table, column, .. }
            | GoalKind::ColumnType { table, column, .. }
            | GoalKind::ColumnNullability { table, column, .. }
            | GoalKind::ColumnDefault { table, column, .. }
            | GoalKind::ColumnIdentity { table, column, .. }
            | GoalKind::ColumnRenamed { table, from: column, .. } => self.column_subject(table, column),
            GoalKind::Constraint { table, constraint } => match (&constraint.name, &constraint.inline) {
                (Some(name), _) => self.part_subject("constraint", table, name),
                (None, Some(column)) => self.column_subject(table, column),
                (None, None) => self.table_subject(table),
            },
            GoalKind::ConstraintAbsent { table, name, .. }
            | GoalKind::ConstraintValidated { table, name }
            | GoalKind::ConstraintRenamed { table, from: name, .. } => self.part_subject("constraint", table, name),
            GoalKind::Index(index) => match &index.name {
                Some(name) => self.part_subject("index", &index.table, name),
                None => self.table_subject(&index.table),
            },
            GoalKind::IndexRenamed { from, .. } => other("index", from),
            GoalKind::View(view) => {
                let kind = if view.materialized { "materialized view" } else { "view" };
                Subject::relation(kind, view.name.name.resolve(&self.target))
            }
            GoalKind::Routine(routine) => other("routine", &routine.name.name),
            GoalKind::Trigger(trigger) => self.part_subject("trigger", &trigger.table.name, &trigger.name.ident),
            GoalKind::Policy(policy) => self.part_subject("policy", &policy.table.name, &policy.name.ident),
            GoalKind::Absent { kind, name, .. } => match kind {
                DropKind::Table => self.table_subject(name),
                DropKind::Index => other("index", name),
                DropKind::Type => other("type", name),
                DropKind::Sequence => Subject::relation("sequence", name.resolve(&self.target)),
                DropKind::View => Subject::relation("view", name.resolve(&self.target)),
                DropKind::MaterializedView => Subject::relation("materialized view", name.resolve(&self.target)),
                _ => return None,
            },
            GoalKind::Comment(comment) => self.named_subject(&comment.on),
            GoalKind::Privileges { object, .. } | GoalKind::ObjectAbsent { object, .. } => self.named_subject(object),
            GoalKind::Opaque { .. } => return None,
        })
    }

    fn named_subject(&self, object: &ObjectRef) -> Subject {
        let other = |kind, name: &QualifiedName| Subject::named(kind, name.resolve(&self.target).to_string());
        match object {
            ObjectRef::Relation { kind, name } => match kind {
                RelationWord::Table => self.table_subject(name),
                RelationWord::View => Subject::relation("view", name.resolve(&self.target)),
                RelationWord::MaterializedView => Subject::relation("materialized view", name.resolve(&self.target)),
                RelationWord::Sequence => Subject::relation("sequence", name.resolve(&self.target)),
                RelationWord::Index => other("index", name),
            },
            ObjectRef::Column { table, column } => self.column_subject(table, column),
            ObjectRef::Constraint { table, name } => self.part_subject("constraint", table, name),
            ObjectRef::Trigger { table, name } => self.part_subject("trigger", table, name),
            ObjectRef::Policy { table, name } => self.part_subject("policy", table, name),
            ObjectRef::Routine { name, .. } => other("routine", name),
            ObjectRef::Type(name) => other("type", name),
            ObjectRef::Schema(name) => Subject::named("schema", name.to_string()),
            ObjectRef::Extension(name) => Subject::named("extension", name.to_string()),
            ObjectRef::Database(name) => Subject::named("database", name.to_string()),
        }
    }

    fn table_subject(&self, name: &QualifiedName) -> Subject {
        Subject::relation("table", self.locate(name))
    }

    fn column_subject(&self, table: &QualifiedName, column: &Ident) -> Subject {
        let table: ObjectName = self.locate(table);
        let column = self.locate_column(&table, column);
        Subject::part("column", table, column.to_string())
    }

    fn part_subject(&self, kind: &'static str, table: &QualifiedName, name: &Ident) -> Subject {
        Subject::part(kind, self.locate(table), name.to_string())
    }
}
