//! Statements that ask for different things, found without a database.

use rustc_hash::FxHashMap;

use crate::{
    diagnostic::{Code, Finding},
    pg::{Ident, QualifiedName, TypeName},
    script::{ScriptId, Span},
};

use super::{
    ColumnGoal, ConstraintGoal, ConstraintGoalKind, DropKind, Expression, GoalKind, Guard, IndexGoal, IndexKeyTarget,
    Sameness, ScriptGoals, StatementGoals, same_meaning,
};

/// What asserts: its name, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Column(QualifiedName, Ident),
    Constraint(QualifiedName, Ident),
    Relation(QualifiedName),
    Type(QualifiedName),
}

struct Said<'a> {
    script: ScriptId,
    span: Span,
    guards: &'a [Guard],
    applies: Option<bool>,
    content: Content<'a>,
}

enum Content<'a> {
    Column(&'a ColumnGoal),
    Constraint(&'a ConstraintGoal),
    Index(&'a IndexGoal),
    Enum(&'a [String]),
}

/// Returns every pair of assertions that differ: two ADD COLUMN with different types, two definitions of one index.
///
/// `applies` says of a statement whether its guards let it through; `None` where that is not known yet. Statements are
/// compared when both apply, or when the same guards decide of both; a drop or rename in between separates them. Cost:
/// linear, but for objects that are asserted more than twice.
pub fn contradictions(scripts: &[ScriptGoals], applies: &dyn Fn(&StatementGoals) -> Option<bool>) -> Vec<Finding> {
    let mut said: FxHashMap<Subject, Vec<Said<'_>>> = FxHashMap::default();
    let mut errors = Vec::new();
    for statement in scripts.iter().flat_map(|script| &script.statements) {
        let settled = if statement.directives.guards.is_empty() { Some(true) } else { applies(statement) };
        if settled == Some(false) {
            continue;
        }
        for goal in &statement.goals {
            let (subject, content) = match &goal.kind {
                GoalKind::Column { table, column, .. } => {
                    (Subject::Column(table.clone(), column.name.clone()), Content::Column(column))
                }
                GoalKind::Constraint { table, constraint } => match &constraint.name {
                    Some(name) => (Subject::Constraint(table.clone(), name.clone()), Content::Constraint(constraint)),
                    None => continue,
                },
                GoalKind::Index(index) => match &index.name {
                    Some(name) => {
                        let name = QualifiedName { schema: index.table.schema.clone(), name: name.clone() };
                        (Subject::Relation(name), Content::Index(index))
                    }
                    None => continue,
                },
                GoalKind::Enum { name, labels } => (Subject::Type(name.clone()), Content::Enum(labels)),
                other => {
                    forget(&mut said, other);
                    continue;
                }
            };
            let now = Said {
                script: statement.id.script,
                span: goal.span,
                guards: &statement.directives.guards,
                applies: settled,
                content,
            };
            let before = said.entry(subject.clone()).or_default();
            for earlier in before.iter() {
                let together =
                    (earlier.applies == Some(true) && now.applies == Some(true)) || earlier.guards == now.guards;
                if together && let Some(difference) = difference(&earlier.content, &now.content) {
                    errors.push(error(&subject, earlier, &now, &difference));
                    break;
                }
            }
            before.push(now);
        }
    }
    errors
}

/// Forgets what was said of an object that is dropped or renamed: what comes later is about another one.
fn forget(said: &mut FxHashMap<Subject, Vec<Said<'_>>>, goal: &GoalKind) {
    match goal {
        GoalKind::ColumnAbsent { table, column, .. } | GoalKind::ColumnRenamed { table, from: column, .. } => {
            said.remove(&Subject::Column(table.clone(), column.clone()));
        }
        GoalKind::ConstraintAbsent { table, name, .. } | GoalKind::ConstraintRenamed { table, from: name, .. } => {
            said.remove(&Subject::Constraint(table.clone(), name.clone()));
        }
        GoalKind::IndexRenamed { from, .. } => {
            said.remove(&Subject::Relation(from.clone()));
        }
        GoalKind::Absent { kind: DropKind::Table, name, .. } | GoalKind::TableRenamed { from: name, .. } => {
            said.retain(|subject, earlier| match subject {
                Subject::Column(table, _) | Subject::Constraint(table, _) => table != name,
                Subject::Relation(_) => {
                    earlier.iter().all(|said| !matches!(said.content, Content::Index(index) if index.table == *name))
                }
                Subject::Type(_) => true,
            });
        }
        GoalKind::Absent { kind: DropKind::Type, name, .. } => {
            said.remove(&Subject::Type(name.clone()));
        }
        GoalKind::Absent { name, .. } => {
            said.remove(&Subject::Relation(name.clone()));
        }
        _ => {}
    }
}

fn error(subject: &Subject, earlier: &Said<'_>, now: &Said<'_>, difference: &(String, String)) -> Finding {
    let what = match subject {
        Subject::Column(table, column) => format!("column {table}.{column}"),
        Subject::Constraint(table, name) => format!("constraint {name} of table {table}"),
        Subject::Relation(name) => format!("index {name}"),
        Subject::Type(name) => format!("type {name}"),
    };
    Finding {
        script: now.script,
        span: now.span,
        code: Code::Contradiction,
        what: format!("the scripts ask for two different things of {what}"),
        subject: None,
        label: format!("{} here", difference.1),
        why: vec![format!("{} there", difference.0), "nothing was sent to the database".to_owned()],
        related: Some((earlier.script, earlier.span)),
        help: "keep one of the two; to change what an earlier script made, write an ALTER".to_owned(),
    }
}

/// Returns how two assertions of one object differ: the earlier and the later, in words.
fn difference(earlier: &Content<'_>, now: &Content<'_>) -> Option<(String, String)> {
    match (earlier, now) {
        (Content::Column(a), Content::Column(b)) => column_difference(a, b),
        (Content::Constraint(a), Content::Constraint(b)) => {
            (!same_constraint(a, b)).then(|| (a.definition.clone(), b.definition.clone()))
        }
        (Content::Index(a), Content::Index(b)) => (!same_index(a, b)).then(|| {
            let words = |index: &IndexGoal| {
                format!("{}on {} {}", if index.unique { "unique, " } else { "" }, index.table, index.definition.text)
            };
            (words(a), words(b))
        }),
        (Content::Enum(a), Content::Enum(b)) => (a != b).then(|| (a.join(", "), b.join(", "))),
        _ => None,
    }
}

fn same_type(a: &TypeName, b: &TypeName) -> bool {
    // A name with its schema and the same name without may be one type; only a database can tell.
    a == b
        || (!a.is_builtin()
            && !b.is_builtin()
            && a.name() == b.name()
            && (a.schema().is_none() || b.schema().is_none()))
}

fn column_difference(a: &ColumnGoal, b: &ColumnGoal) -> Option<(String, String)> {
    if !same_type(&a.type_name, &b.type_name) {
        return Some((a.type_name.to_string(), b.type_name.to_string()));
    }
    if let (Some(first), Some(second)) = (&a.default, &b.default)
        && same_meaning(&first.tree, &second.tree, &|_| None, Some(&a.type_name)) == Sameness::Different
    {
        return Some((format!("default {}", first.source.text), format!("default {}", second.source.text)));
    }
    None
}

/// Two expressions of scripts differ only where that is certain.
fn same_expression(a: &Expression, b: &Expression) -> bool {
    same_meaning(&a.tree, &b.tree, &|_| None, None) != Sameness::Different
}

fn same_optional(a: Option<&Expression>, b: Option<&Expression>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_expression(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn same_constraint(a: &ConstraintGoal, b: &ConstraintGoal) -> bool {
    match (&a.kind, &b.kind) {
        (ConstraintGoalKind::Check(a), ConstraintGoalKind::Check(b)) => same_expression(a, b),
        (a, b) => a == b,
    }
}

fn same_index(a: &IndexGoal, b: &IndexGoal) -> bool {
    a.table == b.table
        && a.method == b.method
        && a.unique == b.unique
        && a.nulls_not_distinct == b.nulls_not_distinct
        && a.include == b.include
        && a.storage == b.storage
        && same_optional(a.predicate.as_ref(), b.predicate.as_ref())
        && a.keys.len() == b.keys.len()
        && a.keys.iter().zip(&b.keys).all(|(a, b)| {
            a.descending == b.descending
                && a.nulls_first == b.nulls_first
                && a.collation == b.collation
                && a.operator_class == b.operator_class
                && match (&a.target, &b.target) {
                    (IndexKeyTarget::Column(a), IndexKeyTarget::Column(b)) => a == b,
                    (IndexKeyTarget::Expression(a), IndexKeyTarget::Expression(b)) => same_expression(a, b),
                    _ => false,
                }
        })
}
