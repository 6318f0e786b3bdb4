//! What a statement did that is not read: the same database before and after it.

use std::collections::BTreeSet;

use crate::{
    catalog::{CatalogRows, Census, Inventory},
    pg::{Ident, ObjectName},
};

use super::{Difference, DifferenceState, between};

/// Something that a statement made, changed or dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The object in words: `column public.users.fax`.
    pub object: String,
    /// The table or view that it is or belongs to, where that is known.
    pub relation: Option<ObjectName>,
    /// What became of it.
    pub change: Change,
    /// What it was, where it was there and can be printed.
    pub before: Option<String>,
    /// What it is: of what was made the statements that make it.
    pub after: Option<String>,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It was not there before.
    Made,
    /// It is another one.
    Changed,
    /// It is no more.
    Dropped,
}

impl Change {
    /// Returns the word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Changed => "changed",
            Self::Dropped => "dropped",
        }
    }
}

/// Rows that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowsMoved {
    /// The table.
    pub table: ObjectName,
    /// How many rows it had.
    pub before: u64,
    /// How many it has.
    pub after: u64,
}

/// The server's own tables whose rows an inventory tells in its own words, and how such words begin.
const TOLD: &[(&str, &str)] = &[
    ("pg_aggregate", "routine "),
    ("pg_attrdef", ""),
    ("pg_attribute", ""),
    ("pg_class", ""),
    ("pg_constraint", ""),
    ("pg_description", "comment "),
    ("pg_enum", "enum "),
    ("pg_extension", "extension "),
    ("pg_index", ""),
    ("pg_inherits", ""),
    ("pg_namespace", "schema "),
    ("pg_partitioned_table", "table "),
    ("pg_policy", "policy "),
    ("pg_proc", ""),
    ("pg_range", "type "),
    ("pg_rewrite", ""),
    ("pg_sequence", ""),
    ("pg_statistic_ext", "statistics "),
    ("pg_trigger", ""),
    ("pg_type", ""),
];

/// Returns what differs between two moments of one database. What no inventory tells is told as the server's own table in which it
/// shows, so that nothing changes unseen.
#[must_use]
pub fn effects(before: &Census, after: &Census) -> Vec<Effect> {
    let schemas: BTreeSet<&Ident> = before.schemas.keys().chain(after.schemas.keys()).collect();
    let mut effects = Vec::new();
    for schema in schemas {
        let empty = Inventory::empty(schema.clone());
        let (was, is) = (before.schemas.get(schema), after.schemas.get(schema));
        let change = match (was, is) {
            (None, Some(_)) => Some(Change::Made),
            (Some(_), None) => Some(Change::Dropped),
            _ => None,
        };
        let of_schema = change.map(|change| Effect {
            object: format!("schema {schema}"),
            relation: None,
            change,
            before: None,
            after: None,
        });
        let inside = between(was.unwrap_or(&empty), is.unwrap_or(&empty), true).into_iter().map(effect);
        if change == Some(Change::Dropped) {
            effects.extend(inside);
            effects.extend(of_schema);
        } else {
            effects.extend(of_schema);
            effects.extend(inside);
        }
    }
    let told: Vec<String> = effects.iter().map(|effect: &Effect| effect.object.clone()).collect();
    for (name, is) in &after.catalogs {
        let Some(was) = before.catalogs.get(name) else { continue };
        let words = TOLD.iter().find(|(catalog, _)| catalog == name).map(|(_, words)| *words);
        if was == is || words.is_some_and(|words| told.iter().any(|object| object.starts_with(words))) {
            continue;
        }
        effects.push(Effect {
            object: format!("catalog {name}"),
            relation: None,
            change: Change::Changed,
            before: Some(counted(was)),
            after: Some(if was.count == is.count { format!("{}, others", counted(is)) } else { counted(is) }),
        });
    }
    effects
}

fn counted(rows: &CatalogRows) -> String {
    format!("{} {}", rows.count, if rows.count == 1 { "row" } else { "rows" })
}

fn effect(difference: Difference) -> Effect {
    let Difference { object, relation, state, here, there, statements, .. } = difference;
    let change = match state {
        DifferenceState::OnlyThere => Change::Made,
        DifferenceState::OnlyHere => Change::Dropped,
        _ => Change::Changed,
    };
    let after = if change == Change::Made && !statements.is_empty() { Some(statements.join(";\n")) } else { there };
    Effect { object, relation, change, before: here, after }
}

/// Returns the tables that have more rows than before, or fewer. Those that were dropped are not among them.
#[must_use]
pub fn rows_moved(before: &Census, after: &Census) -> Vec<RowsMoved> {
    after
        .rows
        .iter()
        .map(|(table, is)| (table, before.rows.get(table).copied().unwrap_or(0), *is))
        .filter(|(_, was, is)| was != is)
        .map(|(table, was, is)| RowsMoved { table: table.clone(), before: was, after: is })
        .collect()
}

/// Returns what is in a schema with the statements that make it in an empty database, in an order in which most can be carried out.
/// What cannot be made from its definition (foreign tables, aggregates, base types) has none.
#[must_use]
pub fn copy(inventory: &Inventory) -> Vec<Difference> {
    between(&Inventory::empty(inventory.schema.clone()), inventory, true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::{ColumnEntry, Entry, EntryKey, EntryKind};

    fn census(schema: &str, entries: &[(EntryKind, &str, &str, &str)], catalogs: &[(&str, u64, &str)]) -> Census {
        let schema = Ident::new(schema);
        let entries = entries.iter().map(|(kind, relation, name, definition)| {
            let relation = (!relation.is_empty()).then(|| Ident::new(*relation));
            let column = (*kind == EntryKind::Column)
                .then(|| ColumnEntry { type_name: (*definition).to_owned(), ..ColumnEntry::default() });
            let entry = Entry { definition: (*definition).to_owned(), column, labels: Vec::new() };
            (EntryKey { relation, kind: *kind, name: (*name).to_owned() }, entry)
        });
        let inventory = Inventory { schema: schema.clone(), entries: entries.collect() };
        let catalogs = catalogs.iter().map(|(name, count, digest)| {
            ((*name).to_owned(), CatalogRows { count: *count, digest: (*digest).to_owned() })
        });
        Census { schemas: BTreeMap::from([(schema, inventory)]), catalogs: catalogs.collect(), rows: BTreeMap::new() }
    }

    fn told(before: &Census, after: &Census) -> Vec<String> {
        effects(before, after).iter().map(|one| format!("{} {}", one.change.word(), one.object)).collect()
    }

    const TABLE: &[(EntryKind, &str, &str, &str)] =
        &[(EntryKind::Table, "t", "t", ""), (EntryKind::Column, "t", "id", "integer")];

    #[test]
    fn what_is_made_is_told_with_its_parts_in_one_and_with_its_statement() {
        let (empty, full) = (census("public", &[], &[]), census("public", TABLE, &[]));
        assert_eq!(told(&empty, &full), ["made table public.t"]);
        let made = &effects(&empty, &full)[0];
        assert_eq!(made.after.as_deref(), Some("CREATE TABLE public.t (\n    id integer\n)"));
        assert_eq!(told(&full, &empty), ["dropped table public.t"]);
        assert_eq!(told(&full, &full), [""; 0]);
    }

    #[test]
    fn a_schema_that_comes_or_goes_is_told_with_what_is_in_it() {
        let nothing = Census::default();
        let audit = census("audit", TABLE, &[]);
        assert_eq!(told(&nothing, &audit), ["made schema audit", "made table audit.t"]);
        assert_eq!(told(&audit, &nothing), ["dropped table audit.t", "dropped schema audit"]);
    }

    #[test]
    fn what_no_inventory_tells_shows_in_the_catalog_it_is_in() {
        let before = census("public", &[], &[("pg_cast", 200, "1"), ("pg_class", 400, "2")]);
        let cast = census("public", &[], &[("pg_cast", 201, "9"), ("pg_class", 400, "2")]);
        assert_eq!(told(&before, &cast), ["changed catalog pg_cast"]);
        assert_eq!(effects(&before, &cast)[0].after.as_deref(), Some("201 rows"));
        // Where an object is told, the rows that it has there are told with it.
        let both = census("public", TABLE, &[("pg_cast", 200, "7"), ("pg_class", 401, "8")]);
        assert_eq!(told(&before, &both), ["made table public.t", "changed catalog pg_cast"]);
        assert_eq!(effects(&before, &both)[1].after.as_deref(), Some("200 rows, others"));
        // Where none is, they are all there is.
        let owner = census("public", &[], &[("pg_cast", 200, "1"), ("pg_class", 400, "3")]);
        assert_eq!(told(&before, &owner), ["changed catalog pg_class"]);
    }

    #[test]
    fn rows_are_told_by_table() {
        let table = |name: &str| ObjectName::new("public", name);
        let counted = |rows: &[(&str, u64)]| Census {
            rows: rows.iter().map(|(name, rows)| (table(name), *rows)).collect(),
            ..Census::default()
        };
        let moved =
            rows_moved(&counted(&[("a", 1), ("b", 2), ("gone", 5)]), &counted(&[("a", 1), ("b", 0), ("new", 3)]));
        let moved: Vec<_> = moved.iter().map(|one| (one.table.name.as_str(), one.before, one.after)).collect();
        assert_eq!(moved, [("b", 2, 0), ("new", 0, 3)]);
    }
}
