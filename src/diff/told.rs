//! Parts of a snapshot told as an inventory, so that both are compared and written alike.

use std::borrow::Cow;

use crate::{
    catalog::{
        Column, ColumnEntry, Constraint, ConstraintKind, Entry, EntryKey, EntryKind, Generation, Index, IndexTarget,
        Inventory, Table, TypeKind,
    },
    goal::parse_expression,
    pg::{Ident, ObjectName, quote_literal},
    plan::Parts,
};

/// How names end that only help on the way to something.
const HELPER: &str = "__hm";

/// Returns whether a name is that of something which only helps, and which comes and goes with what it helps.
pub(super) fn is_helper(name: &Ident) -> bool {
    name.as_str().contains(HELPER)
}

/// How much is told of a table or column that the other side lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// All that belongs to it.
    All,
    /// What does not go with it when it goes: of a table only foreign keys, nothing of a column.
    Going,
    /// All that belongs to a column; of a table that it is there.
    Tables,
}

/// Returns what of the parts is in a schema, but for columns, constraints and indexes of a table that `other` has alike. Comments,
/// privileges and row-level security are not told.
pub(super) fn told(parts: &Parts, other: &Parts, schema: &Ident, telling: Telling) -> Inventory {
    let goes = telling == Telling::Going;
    let mut inventory = Inventory::empty(schema.clone());
    let mut add = |relation: Option<&Ident>, kind, name: &str, entry: Entry| {
        let key = EntryKey { relation: relation.cloned(), kind, name: name.to_owned() };
        inventory.entries.insert(key, entry);
    };
    let here = |name: &ObjectName| name.schema == *schema;
    for (name, sequence) in parts.sequences.iter().filter(|(name, _)| here(name)) {
        add(Some(&name.name), EntryKind::Sequence, name.name.as_str(), defined(sequence.definition()));
    }
    for (name, found) in parts.types.iter().filter(|(name, _)| here(name)) {
        if let TypeKind::Enum(labels) = &found.kind {
            let quoted: Vec<String> = labels.iter().map(|label| quote_literal(label)).collect();
            let entry = Entry { definition: quoted.join(", "), labels: labels.clone(), column: None };
            add(None, EntryKind::Enum, name.name.as_str(), entry);
        } else {
            add(None, EntryKind::Type, name.name.as_str(), Entry::default());
        }
    }
    for (name, view) in parts.views.iter().filter(|(name, _)| here(name)) {
        let materialized = parts.materialized.contains_key(name) || other.materialized.contains_key(name);
        let kind = if materialized { EntryKind::MaterializedView } else { EntryKind::View };
        add(Some(&name.name), kind, name.name.as_str(), defined(view.definition()));
    }
    for ((name, types), routine) in parts.routines.iter().filter(|((name, _), _)| here(name)) {
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        let own = format!("{}({})", name.name, types.join(", "));
        add(
            None,
            EntryKind::Routine,
            &own,
            defined(routine.definition.clone().unwrap_or_else(|| "aggregate".to_owned())),
        );
    }
    for ((table, name), trigger) in parts.triggers.iter().filter(|((table, _), _)| here(table)) {
        let entry = defined(trigger.definition.trim_end_matches(';').to_owned());
        add(Some(&table.name), EntryKind::Trigger, name.as_str(), entry);
    }
    for ((table, name), policy) in parts.policies.iter().filter(|((table, _), _)| here(table)) {
        add(Some(&table.name), EntryKind::Policy, name.as_str(), defined(policy.definition()));
    }
    let tables = parts.tables.iter().map(|(name, table)| (name, table, other.tables.get(name), true));
    let views = parts.materialized.iter().map(|(name, table)| (name, table, other.materialized.get(name), false));
    for (name, table, other, is_table) in tables.chain(views).filter(|(name, ..)| here(name)) {
        let relation = Some(&name.name);
        if is_table {
            add(relation, EntryKind::Table, name.name.as_str(), Entry::default());
        } else if other.is_some() && !parts.views.contains_key(name) {
            // It stays; only its indexes change.
            add(relation, EntryKind::MaterializedView, name.name.as_str(), Entry::default());
        }
        let goes_whole = telling != Telling::All && is_table && other.is_none();
        let columns = table.columns.iter().enumerate().filter(|_| is_table && !goes_whole);
        // Most are as they were, at their place.
        let differs = |place, column| other.is_none_or(|other| other.columns.get(place) != Some(column));
        for (place, column) in columns.filter(|(place, column)| differs(*place, *column) && !is_helper(&column.name)) {
            let alone = other.is_none_or(|other| other.column(&column.name).is_none());
            add(relation, EntryKind::Column, column.name.as_str(), of_column(column, place, alone));
        }
        let going: Vec<&Ident> = other.filter(|_| goes).map(|other| lacking(table, other)).unwrap_or_default();
        let stands_out = |constraint: &&Constraint| {
            (!goes_whole || goes && matches!(constraint.kind, ConstraintKind::ForeignKey { .. }))
                && other.and_then(|other| other.constraint(&constraint.name)) != Some(constraint)
                && !is_helper(&constraint.name)
        };
        for constraint in table.constraints.iter().filter(stands_out) {
            let uses = |column: &&Ident| {
                constraint.uses(column)
                    || matches!(&constraint.kind, ConstraintKind::Check { expression } if mentions(expression, column))
            };
            if !going.iter().any(uses) {
                // That rows have been checked is not taken back.
                let checked =
                    other.and_then(|other| other.constraint(&constraint.name)).is_some_and(|one| one.validated);
                let constraint = Constraint { validated: constraint.validated || checked, ..constraint.clone() };
                add(relation, EntryKind::Constraint, constraint.name.as_str(), defined(constraint.definition()));
            }
        }
        for (own, index) in table.indexes.iter().filter(|_| !goes_whole) {
            // A materialised view may have to be made anew with all of them.
            if is_table && other.is_some_and(|other| other.indexes.get(own) == Some(index)) || is_helper(own) {
                continue;
            }
            // An index that is not valid was a leftover of something.
            if index.valid && index.constraint.is_none() && !going.iter().any(|column| index_mentions(index, column)) {
                let unique = if index.structure.unique { "UNIQUE " } else { "" };
                let definition = index.structure.definition(None);
                let entry = defined(format!("CREATE {unique}INDEX IF NOT EXISTS {own} ON {name} {definition}"));
                add(relation, EntryKind::Index, own.as_str(), entry);
            }
        }
    }
    inventory
}

/// Returns the columns of a table that another one of that name does not have.
pub(super) fn lacking<'t>(table: &'t Table, other: &Table) -> Vec<&'t Ident> {
    let columns = table.columns.iter().enumerate();
    // Most are at their place, and are found there without a search.
    let at_its_place =
        |place: usize, column: &Column| other.columns.get(place).is_some_and(|other| other.name == column.name);
    let lacks =
        |(place, column): &(usize, &Column)| !at_its_place(*place, column) && other.column(&column.name).is_none();
    columns.filter(lacks).map(|(_, column)| &column.name).collect()
}

/// Returns what of a table names a column in an expression, in words: the server writes that anew with the type of the column.
pub(super) fn written_anew(table: &Table, column: &Ident) -> Vec<String> {
    let mut found = Vec::new();
    for (name, index) in &table.indexes {
        let structure = &index.structure;
        let in_key = |target: &IndexTarget| matches!(target, IndexTarget::Expression(text) if mentions(text, column));
        if structure.keys.iter().any(|key| in_key(&key.target))
            || structure.predicate.as_deref().is_some_and(|text| mentions(text, column))
        {
            found.push(format!("index {name}"));
        }
    }
    for constraint in &table.constraints {
        if matches!(&constraint.kind, ConstraintKind::Check { expression } if mentions(expression, column)) {
            found.push(format!("constraint {}", constraint.name));
        }
    }
    found
}

/// Returns the parts as they will be without what goes with a column that is dropped, wherever an expression names it.
pub(super) fn drop_with_columns<'p>(before: &Parts, after: &'p Parts) -> Cow<'p, Parts> {
    let loses = |(name, was): (&ObjectName, &Table)| {
        after.tables.get(name).is_some_and(|table| !lacking(was, table).is_empty())
    };
    if !before.tables.iter().any(loses) {
        return Cow::Borrowed(after);
    }
    let mut after = after.clone();
    for (name, table) in &mut after.tables {
        let Some(was) = before.tables.get(name) else { continue };
        let gone: Vec<Ident> = lacking(was, table).into_iter().cloned().collect();
        if gone.is_empty() {
            continue;
        }
        table.indexes.retain(|_, index| !gone.iter().any(|column| index_mentions(index, column)));
        table.constraints.retain(|constraint| {
            let ConstraintKind::Check { expression } = &constraint.kind else { return true };
            !gone.iter().any(|column| mentions(expression, column))
        });
    }
    Cow::Owned(after)
}

fn index_mentions(index: &Index, column: &Ident) -> bool {
    let structure = &index.structure;
    let in_key = |target: &IndexTarget| matches!(target, IndexTarget::Expression(text) if mentions(text, column));
    index.uses(column)
        || structure.keys.iter().any(|key| in_key(&key.target))
        || structure.predicate.as_deref().is_some_and(|text| mentions(text, column))
}

/// Returns whether an expression, as the server prints it, names a column.
fn mentions(text: &str, column: &Ident) -> bool {
    (text.contains(column.as_str()) || text.contains(&column.to_string()))
        && parse_expression(text).is_none_or(|tree| tree.columns().contains(&column) || tree.has_unread())
}

fn defined(definition: String) -> Entry {
    Entry { definition, ..Entry::default() }
}

fn of_column(column: &Column, place: usize, alone: bool) -> Entry {
    let collation = column.collation.as_ref().map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
    let mut entry = ColumnEntry {
        place: i64::try_from(place).unwrap_or(i64::MAX),
        type_name: format!("{}{collation}", column.type_name),
        not_null: column.not_null,
        default: column.default.clone(),
        generation: None,
    };
    let expression = column.default.as_deref().unwrap_or_default();
    entry.generation = match column.generation {
        Generation::None => None,
        Generation::IdentityAlways => Some("GENERATED ALWAYS AS IDENTITY".to_owned()),
        Generation::IdentityByDefault => Some("GENERATED BY DEFAULT AS IDENTITY".to_owned()),
        Generation::Stored => Some(format!("GENERATED ALWAYS AS ({expression}) STORED")),
        Generation::Virtual => Some(format!("GENERATED ALWAYS AS ({expression}) VIRTUAL")),
    };
    if entry.generation.is_some() {
        entry.default = None;
    }
    // A column that is made anew makes its sequence anew.
    if alone
        && column.generation == Generation::None
        && column.owned_sequence.is_some()
        && expression.starts_with("nextval(")
    {
        entry.default = None;
        let serial = match column.type_name.name() {
            "smallint" => "smallserial",
            "bigint" => "bigserial",
            _ => "serial",
        };
        serial.clone_into(&mut entry.type_name);
    }
    Entry { definition: entry.definition(), column: Some(entry), labels: Vec::new() }
}
