//! Tables as they were found and as they would be, laid over each other: what pages about a schema are drawn from.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write as _,
};

use crate::{
    catalog::{
        Column, Constraint, ConstraintKind, ForeignKey, Generation, Index, IndexStructure, IndexTarget, Snapshot, Table,
    },
    diagnostic::{Diagnostic, Severity},
    event::Report,
    pg::{Ident, ObjectName},
    plan::CheckedKind,
};

use super::verification::names;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// As declared.
    Same,
    /// No script says anything about it.
    Unnamed,
    /// It is not there; the plan makes it.
    Added,
    /// It is there, otherwise; the plan changes it.
    Changed,
    /// It is there; the plan drops it.
    Dropped,
    /// A message is about it.
    Told,
}

impl Mark {
    /// Whether it is something to look at.
    pub(super) const fn differs(self) -> bool {
        !matches!(self, Self::Same | Self::Unnamed)
    }
}

/// A table.
pub(super) struct TableView<'a> {
    pub name: &'a ObjectName,
    pub mark: Mark,
    pub columns: Vec<ColumnView<'a>>,
    /// Indexes that belong to no constraint, and constraints.
    pub parts: Vec<PartView>,
    pub links: Vec<LinkView>,
    /// What was said of it.
    pub told: Vec<&'a Diagnostic>,
}

impl TableView<'_> {
    /// Whether the table or anything in it is something to look at.
    pub(super) fn differs(&self) -> bool {
        self.mark.differs()
            || !self.told.is_empty()
            || self.columns.iter().any(|column| column.mark.differs())
            || self.parts.iter().any(|part| part.mark.differs())
    }
}

/// A column.
pub(super) struct ColumnView<'a> {
    pub name: &'a Ident,
    pub type_name: String,
    pub facts: Vec<String>,
    pub mark: Mark,
    /// Type and facts as they were found, where they are to change.
    pub was: Option<String>,
    pub primary: bool,
    pub refers: bool,
}

/// An index or a constraint.
pub(super) struct PartView {
    pub kind: &'static str,
    pub name: String,
    pub definition: String,
    pub mark: Mark,
}

/// A foreign key to another table of the picture, as places in the lists of tables and columns.
pub(super) struct LinkView {
    pub column: usize,
    pub table: usize,
    pub referenced: usize,
    pub mark: Mark,
}

/// Returns every table that was looked at, in the order of names.
pub(super) fn tables(report: &Report) -> Vec<TableView<'_>> {
    let Some(look) = &report.look else { return Vec::new() };
    let (found, planned) = (&look.found, &look.planned);
    let checked: HashSet<(&ObjectName, &Ident)> = report
        .verification
        .iter()
        .flat_map(|verification| &verification.checked)
        .filter(|checked| checked.kind == CheckedKind::Column)
        .filter_map(|checked| Some((checked.table.as_ref()?, &checked.name)))
        .collect();
    let all: BTreeSet<&ObjectName> = found.tables.keys().chain(planned.tables.keys()).collect();
    let places: BTreeMap<&ObjectName, usize> = all.iter().enumerate().map(|(place, name)| (*name, place)).collect();
    let errors: Vec<_> =
        report.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    let mut views: Vec<_> = all
        .iter()
        .map(|name| view(name, found.tables.get(name), planned.tables.get(name), &errors, &checked))
        .collect();
    for name in all {
        let links = links(name, &views, &places, found, planned);
        if let Some(view) = places.get(name).and_then(|place| views.get_mut(*place)) {
            for link in &links {
                view.columns[link.column].refers = true;
            }
            view.links = links;
        }
    }
    views
}

fn view<'a>(
    name: &'a ObjectName,
    found: Option<&'a Table>,
    planned: Option<&'a Table>,
    errors: &[&'a Diagnostic],
    checked: &HashSet<(&ObjectName, &Ident)>,
) -> TableView<'a> {
    let text = name.to_string();
    let about: Vec<_> = errors
        .iter()
        .filter(|error| match &error.subject {
            Some(subject) => subject.relation.as_ref() == Some(name),
            // Of others only the words tell.
            None => names(&error.what, &text) || error.what.contains(&format!("{text}.")),
        })
        .copied()
        .collect();
    let is_told = |inner: &Ident| {
        !about.is_empty() && {
            let full = format!("{text}.{inner}");
            let name = inner.to_string();
            about.iter().any(|error| match &error.subject {
                Some(subject) => subject.is_column(&name),
                None => names(&error.what, &full),
            })
        }
    };
    let mark = match (found, planned) {
        (None, _) => Mark::Added,
        (_, None) => Mark::Dropped,
        _ => Mark::Same,
    };
    let (old, new) = (found.map_or(&[][..], |table| &table.columns), planned.map_or(&[][..], |table| &table.columns));
    let of = |columns: &'a [Column], name: &Ident| columns.iter().find(|column| column.name == *name);
    let primary = planned.or(found).and_then(Table::primary_key).unwrap_or_default();
    let gone = old.iter().filter(|column| of(new, &column.name).is_none());
    let columns = new.iter().chain(gone).map(|column| {
        let before = of(old, &column.name);
        let mark = match (before, of(new, &column.name)) {
            (None, _) => Mark::Added,
            (_, None) => Mark::Dropped,
            (Some(old), Some(new)) if old.type_name != new.type_name || facts(old) != facts(new) => Mark::Changed,
            _ if is_told(&column.name) => Mark::Told,
            _ if !checked.contains(&(name, &column.name)) => Mark::Unnamed,
            _ => Mark::Same,
        };
        let was = before.filter(|_| mark == Mark::Changed).map(|old| {
            let parts: Vec<_> = [old.type_name.to_string()].into_iter().chain(facts(old)).collect();
            parts.join(" ")
        });
        ColumnView {
            name: &column.name,
            type_name: column.type_name.to_string(),
            facts: facts(column),
            mark,
            was,
            primary: primary.contains(&column.name),
            refers: false,
        }
    });
    TableView {
        name,
        mark,
        columns: columns.collect(),
        parts: parts(found, planned),
        links: Vec::new(),
        told: about.clone(),
    }
}

/// Returns what is to be said of a column beside its type.
fn facts(column: &Column) -> Vec<String> {
    let mut facts = Vec::new();
    if column.not_null {
        facts.push("not null".to_owned());
    }
    match (column.generation, &column.default) {
        (Generation::IdentityAlways, _) => facts.push("identity always".to_owned()),
        (Generation::IdentityByDefault, _) => facts.push("identity by default".to_owned()),
        (Generation::Stored | Generation::Virtual, Some(expression)) => {
            facts.push(format!("generated as {expression}"));
        }
        (_, Some(default)) => facts.push(format!("default {default}")),
        (_, None) => {}
    }
    facts
}

fn parts(found: Option<&Table>, planned: Option<&Table>) -> Vec<PartView> {
    let constraints = |table: Option<&Table>| -> BTreeMap<Ident, (&'static str, String)> {
        let all = table.map_or(&[][..], |table| &table.constraints);
        all.iter().map(|constraint| (constraint.name.clone(), ("constraint", constraint_words(constraint)))).collect()
    };
    let indexes = |table: Option<&Table>| -> BTreeMap<Ident, (&'static str, String)> {
        let all = table.iter().flat_map(|table| &table.indexes).filter(|(_, index)| index.constraint.is_none());
        all.map(|(name, index)| (name.clone(), ("index", index_words(index)))).collect()
    };
    let merged = |old: BTreeMap<Ident, (&'static str, String)>, new: BTreeMap<Ident, (&'static str, String)>| {
        let names: BTreeSet<_> = old.keys().chain(new.keys()).cloned().collect();
        names.into_iter().filter_map(move |name| {
            let (before, after) = (old.get(&name), new.get(&name));
            let mark = match (before, after) {
                (None, _) => Mark::Added,
                (_, None) => Mark::Dropped,
                (before, after) if before != after => Mark::Changed,
                _ => Mark::Same,
            };
            let (kind, definition) = after.or(before)?.clone();
            Some(PartView { kind, name: name.to_string(), definition, mark })
        })
    };
    merged(constraints(found), constraints(planned)).chain(merged(indexes(found), indexes(planned))).collect()
}

fn list(columns: &[Ident]) -> String {
    let names: Vec<_> = columns.iter().map(ToString::to_string).collect();
    format!("({})", names.join(", "))
}

fn include(columns: &[Ident]) -> String {
    if columns.is_empty() { String::new() } else { format!(" include {}", list(columns)) }
}

fn constraint_words(constraint: &Constraint) -> String {
    let mut words = match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, include: more } => {
            format!("primary key {}{}", list(columns), include(more))
        }
        ConstraintKind::Unique { columns, include: more, nulls_not_distinct } => {
            let nulls = if *nulls_not_distinct { " nulls not distinct" } else { "" };
            format!("unique{nulls} {}{}", list(columns), include(more))
        }
        ConstraintKind::Check { expression } => format!("check {expression}"),
        ConstraintKind::ForeignKey(key) => foreign_key_words(key),
        ConstraintKind::Other { definition } => definition.clone(),
    };
    if constraint.deferrable {
        words.push_str(if constraint.initially_deferred { " initially deferred" } else { " deferrable" });
    }
    if constraint.no_inherit {
        words.push_str(" no inherit");
    }
    if !constraint.validated {
        words.push_str(", NOT VALID");
    }
    words
}

fn foreign_key_words(key: &ForeignKey) -> String {
    let action = |event: &str, letter: char| match letter {
        'r' => format!(" on {event} restrict"),
        'c' => format!(" on {event} cascade"),
        'n' => format!(" on {event} set null"),
        'd' => format!(" on {event} set default"),
        _ => String::new(),
    };
    let full = if key.match_full { " match full" } else { "" };
    let (update, delete) = (action("update", key.on_update), action("delete", key.on_delete));
    format!("foreign key {} → {} {}{full}{update}{delete}", list(&key.columns), key.table, list(&key.referenced))
}

fn index_words(index: &Index) -> String {
    let IndexStructure { method, unique, nulls_not_distinct, keys, include: more, predicate, storage } =
        &index.structure;
    let keys: Vec<_> = keys
        .iter()
        .map(|key| {
            let mut words = match &key.target {
                IndexTarget::Column(name) => name.to_string(),
                IndexTarget::Expression(expression) => expression.clone(),
            };
            for more in [&key.collation, &key.operator_class].into_iter().flatten() {
                words.push(' ');
                words.push_str(&more.to_string());
            }
            if key.descending {
                words.push_str(" desc");
            }
            if key.nulls_first != key.descending {
                words.push_str(if key.nulls_first { " nulls first" } else { " nulls last" });
            }
            words
        })
        .collect();
    let unique = if *unique { "unique " } else { "" };
    let nulls = if *nulls_not_distinct { " nulls not distinct" } else { "" };
    let mut words = format!("{unique}{method} ({}){nulls}{}", keys.join(", "), include(more));
    if !storage.is_empty() {
        let storage: Vec<_> = storage.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let _ = write!(words, " with ({})", storage.join(", "));
    }
    if let Some(predicate) = predicate {
        let _ = write!(words, " where {predicate}");
    }
    if !index.valid {
        words.push_str(", invalid");
    }
    words
}

fn links(
    name: &ObjectName,
    views: &[TableView<'_>],
    places: &BTreeMap<&ObjectName, usize>,
    found: &Snapshot,
    planned: &Snapshot,
) -> Vec<LinkView> {
    let keys = |snapshot: &Snapshot| -> BTreeMap<Ident, ForeignKey> {
        let all = snapshot.tables.get(name).map_or(&[][..], |table| &table.constraints);
        all.iter()
            .filter_map(|constraint| match &constraint.kind {
                ConstraintKind::ForeignKey(key) => Some((constraint.name.clone(), key.clone())),
                _ => None,
            })
            .collect()
    };
    let (old, new) = (keys(found), keys(planned));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter_map(|constraint| {
            let key = new.get(constraint).or_else(|| old.get(constraint))?;
            let mark = match (old.get(constraint), new.get(constraint)) {
                (None, _) => Mark::Added,
                (_, None) => Mark::Dropped,
                (before, after) if before != after => Mark::Changed,
                _ => Mark::Same,
            };
            let table = *places.get(&key.table)?;
            let place = |view: &TableView<'_>, column: Option<&Ident>| {
                view.columns.iter().position(|other| Some(other.name) == column)
            };
            let column = place(&views[*places.get(name)?], key.columns.first())?;
            let referenced = place(&views[table], key.referenced.first()).unwrap_or_default();
            Some(LinkView { column, table, referenced, mark })
        })
        .collect()
}
