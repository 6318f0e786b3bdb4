//! What takes a statement's changes back: its inverse, as the text of an ensure script.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{Column, Constraint, Generation, Granted, Object, Privileges, RelationKind, TypeKind},
    goal::{Down, Expr, GoalKind, StatementGoals, parse_expression},
    pg::{Hazard, Ident, ObjectName, TypeName, quote_literal},
    plan::{Kept, Moved, Parts, StatementPlan, Verb},
};

use super::{
    Difference,
    between::between_as,
    statement::Manner,
    told::{Telling, drop_with_columns, is_helper, lacking, told, written_anew},
};

/// What takes the changes of one statement back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inverse {
    /// Statements of an ensure script, without semicolons, in order. Each finds for itself whether there is something to do, so
    /// that they may be carried out over and over.
    pub statements: Vec<String>,
    /// What would lose rows or values by it, if there are any when it comes to that.
    pub losses: Vec<Loss>,
    /// What does not come back by it, in words.
    pub stays: Vec<String>,
    /// What comes back in another form that means the same, in words.
    pub otherwise: Vec<String>,
    /// The old values of rows that it brings back, where they are kept.
    pub kept: Option<Kept>,
    /// Whether the script says so itself (`-- ensure:down`).
    pub written: bool,
}

/// How an inverse is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InverseKind {
    /// Afterwards everything is as it was.
    Exact,
    /// Afterwards everything means what it did. [`Inverse::otherwise`] says what of it looks otherwise.
    Alike,
    /// The catalog is as it was; what has been written since may be lost. [`Inverse::losses`] says what, and how to count it.
    Loses,
    /// Something does not come back. [`Inverse::stays`] says what; the statements do the rest.
    Unknown,
    /// The script says what takes it back.
    Written,
}

impl InverseKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Exact, Self::Alike, Self::Loses, Self::Unknown, Self::Written];

    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Alike => "alike",
            Self::Loses => "loses",
            Self::Unknown => "unknown",
            Self::Written => "written",
        }
    }
}

/// Rows or values that taking something back would lose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// What is lost, in words: `values of column public.users.phone`.
    pub object: String,
    /// A read-only query for how many rows would lose something. Where it fails, because a value cannot be converted back, so does
    /// the inverse.
    pub count: String,
}

impl Inverse {
    /// Returns how it is.
    #[must_use]
    pub const fn kind(&self) -> InverseKind {
        if self.written {
            InverseKind::Written
        } else if !self.stays.is_empty() {
            InverseKind::Unknown
        } else if !self.losses.is_empty() {
            InverseKind::Loses
        } else if !self.otherwise.is_empty() {
            InverseKind::Alike
        } else {
            InverseKind::Exact
        }
    }

    /// Returns the statements as the text of a script, each with its semicolon; empty where there is none.
    #[must_use]
    pub fn script(&self) -> String {
        let mut text = String::new();
        for statement in &self.statements {
            text.push_str(statement);
            // The last line may be a comment.
            let last = statement.lines().next_back().unwrap_or_default();
            text.push_str(if last.contains("--") { "\n;\n" } else { ";\n" });
        }
        text
    }

    fn nothing(why: &str) -> Self {
        Self { stays: vec![why.to_owned()], ..Self::default() }
    }
}

/// Returns what takes a statement's steps back; `None` where it has none. `plan` is of the plan that is carried out, so that it tells
/// the catalog as it was before.
///
/// What was there before comes back as the catalog had it. What the steps do not touch is not named. Cost: grows with the objects that
/// the steps touch.
#[must_use]
pub fn inverse(statement: &StatementGoals, plan: &StatementPlan) -> Option<Inverse> {
    let moved = plan.moved.as_deref()?;
    if !statement.directives.down.is_empty() {
        return Some(by_hand(&statement.directives.down));
    }
    if !moved.renamed_back.is_empty() {
        return Some(Inverse { statements: moved.renamed_back.clone(), ..Inverse::default() });
    }
    if plan.steps.iter().any(|step| step.verb == Verb::Run) {
        return Some(Inverse::nothing("what the statement does cannot be read"));
    }
    let mut inverse = of_objects(moved);
    unnamed(statement, &mut inverse);
    for goal in &statement.goals {
        match &goal.kind {
            GoalKind::Backfill(_) => values(statement, plan, &mut inverse),
            GoalKind::Seed(_) => inverse.stays.push("that the rows were not there, or were others".to_owned()),
            GoalKind::ColumnType { column, using: Some(using), .. } if !is_cast_of(&using.tree, column) => {
                let end = format!(".{column}");
                inverse.losses.retain(|loss| !loss.object.ends_with(&end));
                inverse.stays.push(format!("the values of {column} that USING made others from: they are cast back"));
            }
            GoalKind::Absent { cascade: true, .. }
            | GoalKind::ColumnAbsent { cascade: true, .. }
            | GoalKind::ConstraintAbsent { cascade: true, .. }
            | GoalKind::ObjectAbsent { cascade: true, .. } => {
                inverse.stays.push("what CASCADE dropped besides".to_owned());
            }
            _ => {}
        }
    }
    for step in &plan.steps {
        let known = |table: &ObjectName| {
            [&moved.before, &moved.after]
                .iter()
                .any(|parts| parts.tables.contains_key(table) || parts.materialized.contains_key(table))
        };
        if step.verb == Verb::Drop && step.object.starts_with("index ") && !step.table.as_ref().is_some_and(known) {
            inverse.stays.push(format!("{}: no script names its table, so its definition was not read", step.object));
        }
        if step.sql.contains("__hm_old") && statement.directives.keep_old {
            inverse
                .stays
                .push("the column that was replaced: it stays, under the name that ends in __hm_old".to_owned());
        } else if step.sql.contains("__hm_old") {
            inverse.otherwise.push(format!("{}: it is the last column of its table", step.object));
        }
        if step.hazards.contains(&Hazard::DataLoss) {
            inverse.stays.push("what the change cut off the values".to_owned());
        }
        if step.sql.contains("ALTER SEQUENCE") {
            inverse.stays.push("the type of the column's sequence: it stays the wider one".to_owned());
        }
    }
    if inverse.statements.is_empty() && inverse.stays.is_empty() && inverse.otherwise.is_empty() {
        inverse.stays.push("what the statement changes: the catalog that was read does not tell it".to_owned());
    }
    inverse.stays.sort();
    inverse.stays.dedup();
    Some(inverse)
}

/// The values that were there before rows were filled come back where they are kept.
fn values(statement: &StatementGoals, plan: &StatementPlan, inverse: &mut Inverse) {
    if let Some(kept) = plan.steps.iter().find_map(|step| step.keeps.as_ref()) {
        inverse.statements.push(kept.inverse());
        inverse.otherwise.push(format!("rows of {}: those that were changed since stay as they are", kept.table()));
        inverse.kept = Some(kept.clone());
        return;
    }
    let why = if statement.directives.keep_old { ": without a journal they are not kept" } else { "" };
    inverse.stays.push(format!("the values that were there before the rows were filled{why}"));
}

fn by_hand(downs: &[Down]) -> Inverse {
    let text = |down: &Down| {
        // It is sent once, when it is asked for.
        if down.repeatable { down.text.clone() } else { format!("-- ensure:always\n{}", down.text) }
    };
    Inverse { statements: downs.iter().map(text).collect(), written: true, ..Inverse::default() }
}

/// Returns what takes a whole script back, as the text of an ensure script.
#[must_use]
pub fn down_script(downs: &[Down]) -> String {
    by_hand(downs).script()
}

/// Returns whether an expression is the column, cast or not.
fn is_cast_of(tree: &Expr, column: &Ident) -> bool {
    match tree {
        Expr::Cast(inner, _) => is_cast_of(inner, column),
        Expr::Column(parts) => parts.last() == Some(column),
        _ => false,
    }
}

/// An index without a name gets one from the server, which nobody knows beforehand.
fn unnamed(statement: &StatementGoals, inverse: &mut Inverse) {
    for goal in &statement.goals {
        if let GoalKind::Index(index) = &goal.kind
            && index.name.is_none()
        {
            inverse.statements.clear();
            inverse.stays.push(format!("an index of {}: the server chooses its name", index.table));
        }
    }
}

fn of_objects(moved: &Moved) -> Inverse {
    let after = drop_with_columns(&moved.before, &moved.after);
    let (before, after) = (&moved.before, &*after);
    let mut inverse = Inverse::default();
    for name in before.schemas.keys().filter(|name| !after.schemas.contains_key(name)) {
        inverse.statements.push(format!("CREATE SCHEMA IF NOT EXISTS {name}"));
    }
    for (name, extension) in before.extensions.iter().filter(|(name, _)| !after.extensions.contains_key(name)) {
        inverse.statements.push(format!("CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {}", extension.schema));
    }
    for schema in schemas(before, after) {
        let (is, was) = (told(after, before, &schema, Telling::Going), told(before, after, &schema, Telling::All));
        for Difference { statements, why, object, .. } in between_as(&is, &was, true, Manner::Ensured) {
            if statements.is_empty() && why.is_empty() {
                inverse.stays.push(object.clone());
            }
            inverse.stays.extend(why.iter().map(|why| format!("{object}: {why}")));
            inverse.statements.extend(statements);
        }
    }
    adopted(before, after, &mut inverse);
    row_security(before, after, &mut inverse);
    comments(moved, &mut inverse);
    privileges(moved, &mut inverse);
    for name in after.extensions.keys().filter(|name| !before.extensions.contains_key(name)) {
        inverse.statements.push(format!("DROP EXTENSION IF EXISTS {name}"));
    }
    for name in after.schemas.keys().filter(|name| !before.schemas.contains_key(name)) {
        inverse.statements.push(format!("DROP SCHEMA IF EXISTS {name}"));
    }
    lost(before, after, &mut inverse);
    gone(before, after, &mut inverse);
    inverse
}

/// Indexes that the partitions of a table had already become parts of one that the table gets, and go with it.
fn adopted(before: &Parts, after: &Parts, inverse: &mut Inverse) {
    for (name, table) in after.tables.iter().filter(|(_, table)| table.partitioned) {
        let Some(was) = before.tables.get(name) else { continue };
        let had = |own: &Ident| was.indexes.get(own).is_some_and(|index| index.valid);
        for own in table.indexes.keys().filter(|own| !had(own) && !is_helper(own)) {
            inverse.stays.push(format!("indexes of partitions of {name} that became parts of {own}: they go with it"));
        }
    }
}

/// Returns the schemas of everything that was touched.
pub(super) fn schemas(before: &Parts, after: &Parts) -> BTreeSet<Ident> {
    let mut found = BTreeSet::new();
    for parts in [before, after] {
        let names = parts.tables.keys().chain(parts.materialized.keys()).chain(parts.types.keys());
        let names = names.chain(parts.sequences.keys()).chain(parts.views.keys());
        let names = names.chain(parts.routines.keys().map(|(name, _)| name));
        let names = names.chain(parts.triggers.keys().chain(parts.policies.keys()).map(|(table, _)| table));
        found.extend(names.map(|name| name.schema.clone()));
    }
    found
}

/// Returns whether a table comes by the steps, so that all of it goes with it.
fn is_new(table: &ObjectName, before: &Parts, after: &Parts) -> bool {
    after.tables.contains_key(table) && !before.tables.contains_key(table)
}

fn row_security(before: &Parts, after: &Parts, inverse: &mut Inverse) {
    let tables: BTreeSet<&ObjectName> = before.row_security.keys().chain(after.row_security.keys()).collect();
    for table in tables.into_iter().filter(|table| !is_new(table, before, after)) {
        let state = |parts: &Parts| parts.row_security.get(table).copied().unwrap_or_default();
        let ((was, was_forced), (is, is_forced)) = (state(before), state(after));
        if was != is {
            let word = if was { "ENABLE" } else { "DISABLE" };
            inverse.statements.push(format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY"));
        }
        if was_forced != is_forced {
            let word = if was_forced { "FORCE" } else { "NO FORCE" };
            inverse.statements.push(format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY"));
        }
    }
}

fn comments(moved: &Moved, inverse: &mut Inverse) {
    let (before, after) = (&moved.before, &moved.after);
    let objects: BTreeSet<&Object> = before.comments.keys().chain(after.comments.keys()).collect();
    for object in objects.into_iter().filter(|object| object.table().is_none_or(|table| !is_new(table, before, after)))
    {
        let text = before.comments.get(object).map_or_else(|| "NULL".to_owned(), |text| quote_literal(text));
        inverse.statements.push(format!("COMMENT ON {} IS {text}", object_sql(object, moved, false)));
    }
}

/// Returns an object as COMMENT ON names it, or (`granted`) as GRANT does.
fn object_sql(object: &Object, moved: &Moved, granted: bool) -> String {
    match object {
        Object::Relation(name) => {
            let kind = moved.kinds.get(name).unwrap_or(&RelationKind::Table);
            let word = match kind {
                RelationKind::Sequence => "SEQUENCE",
                _ if granted => "TABLE",
                RelationKind::Index { .. } => "INDEX",
                RelationKind::View => "VIEW",
                RelationKind::MaterializedView => "MATERIALIZED VIEW",
                RelationKind::ForeignTable => "FOREIGN TABLE",
                _ => "TABLE",
            };
            format!("{word} {name}")
        }
        Object::Column(table, name) if granted => format!("TABLE {table} ({name})"),
        Object::Column(table, name) => format!("COLUMN {table}.{name}"),
        Object::Constraint(table, name) => format!("CONSTRAINT {name} ON {table}"),
        Object::Trigger(table, name) => format!("TRIGGER {name} ON {table}"),
        Object::Policy(table, name) => format!("POLICY {name} ON {table}"),
        Object::Routine(name, types) => {
            let types: Vec<String> = types.iter().map(ToString::to_string).collect();
            format!("ROUTINE {name}({})", types.join(", "))
        }
        Object::Type(name) => format!("TYPE {name}"),
        Object::Schema(name) => format!("SCHEMA {name}"),
        Object::Extension(name) => format!("EXTENSION {name}"),
        Object::Database(name) => format!("DATABASE {name}"),
    }
}

fn privileges(moved: &Moved, inverse: &mut Inverse) {
    let (before, after) = (&moved.before, &moved.after);
    let nobody = BTreeSet::new();
    let objects: BTreeSet<&Object> = before.privileges.keys().chain(after.privileges.keys()).collect();
    for object in objects {
        let (was, is) = (before.privileges.get(object), after.privileges.get(object));
        // What a new object has goes with it; what was not looked at is not known.
        let column = matches!(object, Object::Column(..));
        if was.is_none() && !column {
            continue;
        }
        let of = |side: Option<&Privileges>| -> BTreeMap<(Option<Ident>, String), bool> {
            let granted = side.map_or(&nobody, |side| &side.granted);
            let owner = side.map(|side| &side.owner);
            let others = granted.iter().filter(|one: &&Granted| is.is_some() || one.role.as_ref() != owner);
            others.map(|one| ((one.role.clone(), one.privilege.clone()), one.grantable)).collect()
        };
        let mut had = of(was);
        let mut has = of(is);
        // An object that is made anew is open to all again, where its kind is.
        if let (None, Object::Routine(..) | Object::Type(_)) = (is, object) {
            let open = if matches!(object, Object::Routine(..)) { "EXECUTE" } else { "USAGE" };
            has.insert((None, open.to_owned()), false);
        }
        let (on, part) = match object {
            Object::Column(table, name) => (format!("TABLE {table}"), format!(" ({name})")),
            _ => (object_sql(object, moved, true), String::new()),
        };
        let to = |role: &Option<Ident>| role.as_ref().map_or_else(|| "PUBLIC".to_owned(), ToString::to_string);
        for ((role, privilege), grantable) in &has {
            match had.remove(&(role.clone(), privilege.clone())) {
                None => inverse.statements.push(format!("REVOKE {privilege}{part} ON {on} FROM {}", to(role))),
                Some(false) if *grantable => {
                    let from = to(role);
                    inverse.statements.push(format!("REVOKE GRANT OPTION FOR {privilege}{part} ON {on} FROM {from}"));
                }
                Some(true) if !grantable => {
                    had.insert((role.clone(), privilege.clone()), true);
                }
                Some(_) => {}
            }
        }
        for ((role, privilege), grantable) in &had {
            let option = if *grantable { " WITH GRANT OPTION" } else { "" };
            inverse.statements.push(format!("GRANT {privilege}{part} ON {on} TO {}{option}", to(role)));
        }
    }
}

/// Finds what has been written since and would be lost.
fn lost(before: &Parts, after: &Parts, inverse: &mut Inverse) {
    for (name, table) in &after.tables {
        let Some(was) = before.tables.get(name) else {
            inverse
                .losses
                .push(Loss { object: format!("rows of table {name}"), count: format!("SELECT count(*) FROM {name}") });
            continue;
        };
        // Most are as they were, at their place.
        let differs = |(place, column): &(usize, &Column)| was.columns.get(*place) != Some(column);
        for (_, column) in table.columns.iter().enumerate().filter(differs) {
            if is_helper(&column.name) {
                continue;
            }
            let condition = match was.column(&column.name) {
                None => written(column),
                Some(old) if old.type_name != column.type_name => Some(narrowed(column, &old.type_name)),
                Some(_) => None,
            };
            inverse.losses.extend(condition.map(|condition| Loss {
                object: format!("values of column {name}.{}", column.name),
                count: format!("SELECT count(*) FROM {name} WHERE {condition}"),
            }));
        }
    }
    for name in after.sequences.keys().filter(|name| !before.sequences.contains_key(name)) {
        let count = format!("SELECT count(*) FROM {name} WHERE is_called");
        inverse.losses.push(Loss { object: format!("how far sequence {name} has come"), count });
    }
}

/// Returns the condition under which a column that was added holds something that somebody wrote; `None` where it cannot.
fn written(column: &Column) -> Option<String> {
    let name = &column.name;
    match (column.generation, &column.default) {
        (Generation::Stored | Generation::Virtual, _) => None,
        (Generation::None, Some(default)) if parse_expression(default).is_some_and(|tree| is_fixed(&tree)) => {
            Some(format!("{name} IS DISTINCT FROM ({default})"))
        }
        _ => Some(format!("{name} IS NOT NULL")),
    }
}

/// Returns whether an expression gives the same value whenever it is evaluated.
fn is_fixed(tree: &Expr) -> bool {
    tree.is_constant() && tree.volatility() == crate::goal::Volatility::Immutable
}

/// Returns the condition under which a value is another one once it has been cast to the old type.
fn narrowed(column: &Column, old: &TypeName) -> String {
    const WITHOUT: &[&str] = &["json", "xml", "point", "box", "lseg", "line", "path", "polygon", "circle"];
    let (name, new) = (&column.name, &column.type_name);
    if WITHOUT.contains(&new.name()) {
        return format!("{name}::{old}::{new}::text IS DISTINCT FROM {name}::text");
    }
    format!("{name}::{old}::{new} IS DISTINCT FROM {name}")
}

/// Finds what was dropped with what was in it.
fn gone(before: &Parts, after: &Parts, inverse: &mut Inverse) {
    for (name, table) in &before.tables {
        let Some(is) = after.tables.get(name) else {
            if table.partitioned || table.inherits {
                inverse.stays.push(format!("table {name}: how it is partitioned, or what it inherits from"));
            }
            inverse.stays.push(format!(
                "the rows of table {name}, and what no script speaks of: storage parameters and the like"
            ));
            continue;
        };
        for column in &table.columns {
            if is.column(&column.name).is_some_and(|is| is.type_name != column.type_name) {
                let again = written_anew(table, &column.name).into_iter();
                inverse.otherwise.extend(again.map(|one| {
                    format!("{one} of {name}: its expression keeps a conversion that the other type needed")
                }));
            }
        }
        let found = |constraint: &&Constraint| is.constraint(&constraint.name).is_some_and(|is| is.validated);
        for constraint in table.constraints.iter().filter(|constraint| !constraint.validated).filter(found) {
            let own = &constraint.name;
            inverse.otherwise.push(format!("constraint {own} of {name}: its rows have been checked, and were not"));
        }
        let left = table.indexes.iter().filter(|(own, index)| !index.valid && is.indexes.get(*own) != Some(index));
        for (own, _) in left.filter(|(own, _)| !is_helper(own)) {
            inverse
                .otherwise
                .push(format!("index {own} of {name}: it was left invalid by a build that failed, and is no more"));
        }
        let dropped = lacking(table, is).into_iter().filter(|column| !is_helper(column));
        inverse.stays.extend(dropped.map(|column| format!("the values of column {name}.{column}")));
    }
    for ((table, name), trigger) in &before.triggers {
        if trigger.enabled != 'O' && after.triggers.get(&(table.clone(), name.clone())) != Some(trigger) {
            inverse.stays.push(format!("whether trigger {name} on {table} is enabled: it comes back enabled"));
        }
    }
    for name in before.sequences.keys().filter(|name| !after.sequences.contains_key(name)) {
        inverse.stays.push(format!("how far sequence {name} had come"));
    }
    for (name, found) in &before.types {
        if found.kind == TypeKind::Other && !after.types.contains_key(name) {
            inverse.stays.push(format!("type {name}: no script says how it is made"));
        }
    }
}
