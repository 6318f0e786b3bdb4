//! Everything in one schema, read in one query.

use diesel::{
    QueryableByName, RunQueryDsl,
    pg::PgConnection,
    sql_query,
    sql_types::{Nullable, Text},
};
use serde::Deserialize;

use crate::{
    catalog::{ColumnEntry, Entry, EntryKey, EntryKind, Inventory},
    pg::Ident,
};

use super::{
    super::{Sent, ServerError},
    SnapshotError,
};

const INVENTORY: &str = include_str!("inventory.sql");

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    relation: Option<String>,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
    #[diesel(sql_type = Nullable<Text>)]
    parts: Option<String>,
}

#[derive(Deserialize)]
struct ColumnParts {
    place: i64,
    not_null: bool,
    #[serde(rename = "type")]
    type_name: String,
    default: Option<String>,
    serial: Option<bool>,
    generation: Option<String>,
}

/// Reads everything in a schema: one query, in a session that is settled for reading the catalog.
///
/// # Errors
/// [`SnapshotError`].
pub fn inventory(connection: &mut PgConnection, schema: &Ident) -> Result<Inventory, SnapshotError> {
    let rows: Vec<Row> = sql_query(INVENTORY)
        .bind::<Text, _>(schema.as_str())
        .load(connection)
        .map_err(|error| SnapshotError::Server(Box::new(ServerError::recognise(&error, Sent::new("")))))?;
    let mut found = Inventory { schema: schema.clone(), entries: std::collections::BTreeMap::new() };
    for row in rows {
        let (key, entry) = entry(row)?;
        found.entries.insert(key, entry);
    }
    Ok(found)
}

fn entry(row: Row) -> Result<(EntryKey, Entry), SnapshotError> {
    let kind = match row.kind.as_str() {
        "enum" => EntryKind::Enum,
        "type" => EntryKind::Type,
        "table" => EntryKind::Table,
        "foreign_table" => EntryKind::ForeignTable,
        "sequence" => EntryKind::Sequence,
        "view" => EntryKind::View,
        "materialized_view" => EntryKind::MaterializedView,
        "column" => EntryKind::Column,
        "constraint" => EntryKind::Constraint,
        "index" => EntryKind::Index,
        "routine" => EntryKind::Routine,
        "trigger" => EntryKind::Trigger,
        "policy" => EntryKind::Policy,
        "rule" => EntryKind::Rule,
        "statistics" => EntryKind::Statistics,
        "extension" => EntryKind::Extension,
        "comment" => EntryKind::Comment,
        "privileges" => EntryKind::Privileges,
        other => return Err(SnapshotError::Content(format!("{other}: an unknown kind of object"))),
    };
    let wrong = |error: serde_json::Error| SnapshotError::Content(format!("{}: {error}", row.kind));
    let mut entry = Entry { definition: row.definition, ..Entry::default() };
    match (kind, &row.parts) {
        (EntryKind::Enum, Some(parts)) => {
            entry.labels = serde_json::from_str(parts).map_err(wrong)?;
            let labels: Vec<_> = entry.labels.iter().map(|label| crate::pg::quote_literal(label)).collect();
            entry.definition = labels.join(", ");
        }
        (EntryKind::Privileges, Some(parts)) => {
            entry.labels = serde_json::from_str(parts).map_err(wrong)?;
            entry.definition = entry.labels.join(", ");
        }
        (EntryKind::Column, Some(parts)) => {
            let column = column(serde_json::from_str(parts).map_err(wrong)?);
            entry.definition = column.definition();
            entry.column = Some(column);
        }
        _ => {}
    }
    Ok((EntryKey { relation: row.relation.map(Ident::new), kind, name: row.name }, entry))
}

fn column(parts: ColumnParts) -> ColumnEntry {
    let ColumnParts { place, not_null, type_name, default, serial, generation } = parts;
    let word = match type_name.as_str() {
        "smallint" => Some("smallserial"),
        "integer" => Some("serial"),
        "bigint" => Some("bigserial"),
        _ => None,
    };
    match word.filter(|_| serial == Some(true)) {
        Some(word) => ColumnEntry { place, type_name: word.to_owned(), not_null, default: None, generation },
        None => ColumnEntry { place, type_name, not_null, default, generation },
    }
}
