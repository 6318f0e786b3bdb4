//! Two databases, object by object.

use std::collections::BTreeSet;

use crate::{
    catalog::{Entry, EntryKey, EntryKind, Inventory},
    pg::Ident,
};

use super::{
    Difference, DifferenceState,
    statement::{Manner, change, comes_with_its_table, create, drop, is_foreign_key},
};

/// Returns how the second schema differs from the first, with the statements that make the first what the second is. They stand
/// in an order in which they can be carried out: what depends on others goes before them and comes after them.
///
/// Names are compared without their schema. `same_printing`: both servers print definitions alike; otherwise two views are the
/// same where they differ in nothing but the names before their columns.
#[must_use]
pub fn between(here: &Inventory, there: &Inventory, same_printing: bool) -> Vec<Difference> {
    between_as(here, there, same_printing, Manner::Once)
}

/// Returns what [`between`] does, its statements written in a manner.
pub(super) fn between_as(here: &Inventory, there: &Inventory, same_printing: bool, manner: Manner) -> Vec<Difference> {
    let there = &told_in(there, &here.schema);
    let relations = |inventory: &Inventory| -> BTreeSet<Ident> {
        inventory.entries.keys().filter(|key| is_relation(key.kind)).filter_map(|key| key.relation.clone()).collect()
    };
    let (of_first, of_second) = (relations(here), relations(there));
    let keys: BTreeSet<&EntryKey> = here.entries.keys().chain(there.entries.keys()).collect();
    let mut found: Vec<(Rank, Difference)> = Vec::new();
    for key in keys {
        // A part of a relation that is on one side only is told with it, unless it is made later. Where a part alone was touched, its
        // relation is on neither side.
        let alone = |own: &BTreeSet<Ident>, other: &BTreeSet<Ident>| {
            let relation =
                key.relation.as_ref().filter(|relation| relation.as_str() != key.name || !is_relation(key.kind));
            relation.is_some_and(|relation| own.contains(relation) && !other.contains(relation))
        };
        let (state, entry, statements, why) = match (here.entries.get(key), there.entries.get(key)) {
            (Some(entry), None) => {
                if alone(&of_first, &of_second) {
                    // It goes with its table, but what refers to other tables goes first.
                    if !is_foreign_key(entry) {
                        continue;
                    }
                }
                (DifferenceState::OnlyHere, entry, drop(here, key, entry, manner), Vec::new())
            }
            (None, Some(entry)) => {
                if alone(&of_second, &of_first) && comes_with_its_table(key, entry) {
                    continue;
                }
                let statements = create(there, key, entry, manner);
                let why = if statements.is_empty() { vec!["to be made by hand".to_owned()] } else { Vec::new() };
                (DifferenceState::OnlyThere, entry, statements, why)
            }
            (Some(one), Some(other)) => {
                if one == other || same(key.kind, one, other, same_printing) {
                    continue;
                }
                let (statements, why) = change(here, key, one, other, manner);
                (DifferenceState::Differs, other, statements, why)
            }
            (None, None) => continue,
        };
        let definition = |inventory: &Inventory| {
            let entry = inventory.entries.get(key)?;
            Some(entry.definition.clone()).filter(|definition| !definition.is_empty())
        };
        let difference = Difference {
            object: here.words(key),
            relation: key.relation.as_ref().map(|relation| here.named(relation)),
            state,
            here: definition(here),
            there: definition(there),
            statements,
            why,
            location: None,
        };
        found.push((rank(key.kind, state, entry), difference));
    }
    found.sort_by_key(|(rank, _)| *rank);
    let mut differences: Vec<Difference> = found.into_iter().map(|(_, difference)| difference).collect();
    // Views that read others, partitions and tables that inherit.
    for word in ["view ", "materialized view ", "table "] {
        let is = |state| move |one: &Difference| one.state == state && one.object.starts_with(word);
        order_by_mention(&mut differences, &is(DifferenceState::OnlyThere), false);
        order_by_mention(&mut differences, &is(DifferenceState::OnlyHere), true);
    }
    differences
}

/// The place of a difference in the order of their statements.
type Rank = usize;

const fn is_relation(kind: EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::Table
            | EntryKind::ForeignTable
            | EntryKind::Sequence
            | EntryKind::View
            | EntryKind::MaterializedView
    )
}

fn rank(kind: EntryKind, state: DifferenceState, entry: &Entry) -> Rank {
    let goes = state == DifferenceState::OnlyHere;
    let comes = state == DifferenceState::OnlyThere;
    match kind {
        EntryKind::Trigger | EntryKind::Policy | EntryKind::Rule | EntryKind::Statistics if goes => 0,
        EntryKind::Extension => {
            if goes {
                21
            } else {
                3
            }
        }
        EntryKind::View | EntryKind::MaterializedView if goes => 1,
        EntryKind::Constraint if goes && is_foreign_key(entry) => 2,
        EntryKind::Index | EntryKind::Constraint if goes => 3,
        EntryKind::Table | EntryKind::ForeignTable if goes => 18,
        EntryKind::Routine if goes => 19,
        EntryKind::Enum | EntryKind::Type | EntryKind::Sequence if goes => 20,
        EntryKind::Enum | EntryKind::Type => 4,
        EntryKind::Sequence => 5,
        // The body of a function in SQL is looked into when it is made; that of others is not.
        EntryKind::Routine if !entry.definition.contains("LANGUAGE sql") => 6,
        EntryKind::Table | EntryKind::ForeignTable => 7,
        // What is generated from others goes before those change and comes after it.
        EntryKind::Column if goes => 8,
        EntryKind::Column if comes && entry.column.as_ref().is_some_and(|column| column.generation.is_some()) => 11,
        EntryKind::Column if comes => 10,
        EntryKind::Column => 9,
        EntryKind::Constraint if !is_foreign_key(entry) => 12,
        EntryKind::Index => 13,
        EntryKind::Constraint => 14,
        EntryKind::Routine | EntryKind::View | EntryKind::MaterializedView => 15,
        EntryKind::Trigger | EntryKind::Policy | EntryKind::Rule | EntryKind::Statistics => 16,
        EntryKind::Comment | EntryKind::Privileges => 17,
    }
}

/// Puts those that `is` picks into an order in which each comes after those that its definition names, or before them.
fn order_by_mention(differences: &mut [Difference], is: &dyn Fn(&Difference) -> bool, before: bool) {
    let places: Vec<usize> = (0..differences.len()).filter(|place| is(&differences[*place])).collect();
    let mut rest: Vec<Difference> = places.iter().map(|place| differences[*place].clone()).collect();
    let mut ordered: Vec<Difference> = Vec::new();
    while !rest.is_empty() {
        let mentions = |one: &Difference, other: &Difference| {
            let Some(definition) = one.here.as_ref().or(one.there.as_ref()) else { return false };
            let name = other.relation.as_ref().map(ToString::to_string).unwrap_or_default();
            definition.contains(&name) && one != other
        };
        let free = rest.iter().position(|one| !rest.iter().any(|other| mentions(one, other))).unwrap_or(0);
        ordered.push(rest.remove(free));
    }
    if before {
        ordered.reverse();
    }
    for (place, difference) in places.into_iter().zip(ordered) {
        differences[place] = difference;
    }
}

fn same(kind: EntryKind, one: &Entry, other: &Entry, same_printing: bool) -> bool {
    match kind {
        // Their order in the table is no difference: columns are added at the end.
        EntryKind::Column => one.definition == other.definition,
        EntryKind::View | EntryKind::MaterializedView if !same_printing => {
            unqualified(&one.definition) == unqualified(&other.definition)
        }
        _ => false,
    }
}

/// Returns the words of a definition without the names before dots.
fn unqualified(definition: &str) -> Vec<String> {
    definition
        .split_whitespace()
        .map(|word| {
            let mut out = String::new();
            for char in word.chars() {
                if char == '.' {
                    let keep =
                        out.trim_end_matches(|char: char| char.is_alphanumeric() || matches!(char, '_' | '"')).len();
                    out.truncate(keep);
                } else {
                    out.push(char);
                }
            }
            out
        })
        .collect()
}

/// Returns an inventory as if its schema were called `schema`.
fn told_in(inventory: &Inventory, schema: &Ident) -> Inventory {
    if inventory.schema == *schema {
        return inventory.clone();
    }
    let (from, to) = (format!("{}.", inventory.schema), format!("{schema}."));
    let renamed = |text: &str| renamed(text, &from, &to);
    let entries = inventory.entries.iter().map(|(key, entry)| {
        let mut entry = entry.clone();
        entry.definition = renamed(&entry.definition);
        if let Some(column) = &mut entry.column {
            column.type_name = renamed(&column.type_name);
            for part in [&mut column.default, &mut column.generation] {
                *part = part.as_deref().map(renamed);
            }
        }
        (EntryKey { name: renamed(&key.name), ..key.clone() }, entry)
    });
    Inventory { schema: schema.clone(), entries: entries.collect() }
}

/// Replaces a name with its dot where no longer name ends in it.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let before = rest[..at].chars().next_back().or_else(|| out.chars().next_back());
        let inside = before.is_some_and(|char| char.is_alphanumeric() || matches!(char, '_' | '"' | '.' | '$'));
        out.push_str(&rest[..at]);
        out.push_str(if inside { from } else { to });
        rest = &rest[at + from.len()..];
    }
    out + rest
}
