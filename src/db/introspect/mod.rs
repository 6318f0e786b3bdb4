//! The catalog, read in one query into a [`Snapshot`].

mod objects;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    pg::PgConnection,
    sql_query,
    sql_types::{Array, Bool, Nullable, Text},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    catalog::{
        Column, Constraint, ConstraintKind, Extension, ForeignKey, Generation, Index, IndexConstraint, IndexKey,
        IndexStructure, IndexTarget, Objects, RelationKind, Schema, Scope, Sequence, Server, Snapshot, Table, Type, TypeKind,
    },
    pg::{Ident, ObjectName, RowCount, ServerVersion, TypeName},
};

use super::{Sent, ServerError};

const SESSION: &str = include_str!("session.sql");
const SNAPSHOT: &str = include_str!("snapshot.sql");

/// Why a snapshot could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The server refused the query.
    #[error("the catalog could not be read")]
    Server(#[source] Box<ServerError>),
    /// The server answered something that this version does not understand.
    #[error("the catalog could not be understood: {0}")]
    Content(String),
}

/// Settles a connection for reading the catalog. One round trip. Keeps the search path and time zone of the role or database
/// aside, so that it is safe to repeat.
///
/// # Errors
/// What the server reports.
pub fn settle_session(connection: &mut PgConnection) -> Result<(), ServerError> {
    connection.batch_execute(SESSION).map_err(|error| ServerError::recognise(&error, Sent::new("")))
}

#[derive(QueryableByName)]
struct Part {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    content: Option<String>,
}

/// Takes a snapshot of what `scope` names: one query. `base` asks for the record of diesel's migrations too.
///
/// Locks: none on tables, except as `snapshot.sql` says. Cost: grows with what `scope` names, not with the database.
///
/// # Errors
/// [`SnapshotError`].
pub fn snapshot(connection: &mut PgConnection, scope: &Scope, base: bool) -> Result<Snapshot, SnapshotError> {
    let names = |idents: &BTreeSet<Ident>| idents.iter().map(|ident| ident.as_str().to_owned()).collect::<Vec<_>>();
    let mut text = SNAPSHOT.to_owned();
    for arm in objects::arms(&scope.objects) {
        text.push_str("\nUNION ALL\n");
        text.push_str(arm);
    }
    let query = sql_query(text)
        .bind::<Array<Text>, _>(scope.qualified.iter().map(|name| name.schema.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(scope.qualified.iter().map(|name| name.name.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(names(&scope.tables))
        .bind::<Array<Text>, _>(names(&scope.others))
        .bind::<Array<Text>, _>(names(&scope.types))
        .bind::<Array<Text>, _>(names(&scope.schemas))
        .bind::<Array<Text>, _>(names(&scope.extensions))
        .bind::<Nullable<Text>, _>(scope.target.as_ref().map(Ident::as_str))
        .bind::<Bool, _>(base)
        .bind::<Text, _>(objects::names(&scope.objects));
    let parts: Vec<Part> = query
        .load(connection)
        .map_err(|error| SnapshotError::Server(Box::new(ServerError::recognise(&error, Sent::new("")))))?;
    Reader::default().read(&parts)
}

#[derive(Deserialize)]
struct ServerPart {
    version: u32,
    database: String,
    role: String,
    superuser: Option<bool>,
    may_create_schema: bool,
    in_recovery: bool,
    read_only: bool,
    time_zone: String,
    horizon: String,
    target: Option<String>,
    search_path: Option<Vec<String>>,
    also_in: Option<Vec<(String, String)>>,
}

#[derive(Deserialize)]
struct TablePart {
    schema: String,
    name: String,
    partitioned: bool,
    inherits: bool,
    owner: String,
    owned: bool,
    privileges: (bool, bool, bool, bool),
    pages: i64,
    rows: i64,
    columns: Option<Vec<ColumnPart>>,
    owned_sequences: Option<Vec<(i32, String, String)>>,
    constraints: Option<Vec<ConstraintPart>>,
    indexes: Option<Vec<IndexPart>>,
}

/// Number, name, type, NOT NULL, default, identity, generated, collation.
type ColumnPart = (i32, String, String, bool, Option<String>, String, String, i64);
/// Schema and table, columns, ON UPDATE, ON DELETE, MATCH.
type ReferencePart = (String, String, Option<Vec<String>>, String, String, String);
/// Name, kind, validated, deferrable, deferred, no inherit, key, reference, expression or definition.
type ConstraintPart = (String, String, bool, bool, bool, bool, Option<Vec<i32>>, Option<ReferencePart>, Option<String>);
/// Name; valid, method, unique, key length, columns, options, operator classes and collations behind bars; nulls not distinct,
/// expressions, predicate, storage, constraint, operator class parameters.
type IndexPart = (
    String,
    String,
    Option<bool>,
    Option<Vec<String>>,
    Option<String>,
    Option<Vec<String>>,
    Option<String>,
    Option<Vec<(usize, Vec<String>)>>,
);

#[derive(Default)]
struct Reader {
    types: HashMap<String, TypeName>,
    classes: HashMap<i64, Ident>,
    methods: HashMap<i64, Ident>,
    collations: HashMap<i64, ObjectName>,
}

fn json<T: DeserializeOwned>(part: &Part) -> Result<T, SnapshotError> {
    serde_json::from_str(part.content.as_deref().unwrap_or("null"))
        .map_err(|error| SnapshotError::Content(format!("{}: {error}", part.kind)))
}

impl Reader {
    fn read(mut self, parts: &[Part]) -> Result<Snapshot, SnapshotError> {
        let find = |kind: &str| parts.iter().find(|part| part.kind == kind);
        // What the other parts are read with.
        for (kind, names) in [("operator_classes", &mut self.classes), ("methods", &mut self.methods)] {
            if let Some(part) = find(kind) {
                let map: Option<HashMap<i64, String>> = json(part)?;
                names.extend(map.unwrap_or_default().into_iter().map(|(oid, name)| (oid, Ident::new(name))));
            }
        }
        if let Some(part) = find("collations") {
            let list: Option<Vec<(i64, String, String)>> = json(part)?;
            let named = |(oid, schema, name)| (oid, ObjectName { schema: Ident::new(schema), name: Ident::new(name) });
            self.collations.extend(list.unwrap_or_default().into_iter().map(named));
        }
        let server: ServerPart = match find("server") {
            Some(part) => json(part)?,
            None => return Err(SnapshotError::Content("the server said nothing of itself".to_owned())),
        };
        let idents = |names: Option<Vec<String>>| names.unwrap_or_default().into_iter().map(Ident::new);
        let mut snapshot = Snapshot {
            server: Server {
                version: ServerVersion(server.version),
                database: server.database,
                role: server.role,
                superuser: server.superuser.unwrap_or(false),
                may_create_schema: server.may_create_schema,
                in_recovery: server.in_recovery,
                read_only: server.read_only,
                time_zone: server.time_zone,
                horizon: server.horizon,
            },
            target: server.target.map(Ident::new),
            search_path: idents(server.search_path).collect(),
            also_in: server
                .also_in
                .unwrap_or_default()
                .into_iter()
                .map(|(schema, name)| ObjectName { schema: Ident::new(schema), name: Ident::new(name) })
                .collect(),
            schemas: BTreeMap::new(),
            tables: BTreeMap::new(),
            relations: BTreeMap::new(),
            types: BTreeMap::new(),
            sequences: BTreeMap::new(),
            extensions: BTreeMap::new(),
            objects: Objects::default(),
            base_versions: None,
        };
        for part in parts {
            self.part(&mut snapshot, part)?;
        }
        Ok(snapshot)
    }

    fn part(&mut self, snapshot: &mut Snapshot, part: &Part) -> Result<(), SnapshotError> {
        match part.kind.as_str() {
            "schemas" => {
                let schemas: Option<Vec<(String, bool, bool)>> = json(part)?;
                snapshot.schemas.extend(
                    schemas
                        .unwrap_or_default()
                        .into_iter()
                        .map(|(name, may_create, may_use)| (Ident::new(name), Schema { may_create, may_use })),
                );
            }
            "relation" => {
                type RelationPart = (String, String, String, Option<String>, Option<String>);
                let (schema, name, kind, table_schema, table): RelationPart = json(part)?;
                let kind = match kind.as_str() {
                    "i" | "I" => match table_schema.zip(table) {
                        Some((schema, table)) => RelationKind::Index { table: ObjectName::new(schema, table) },
                        None => RelationKind::Other,
                    },
                    "S" => RelationKind::Sequence,
                    "v" => RelationKind::View,
                    "m" => RelationKind::MaterializedView,
                    "f" => RelationKind::ForeignTable,
                    "c" => RelationKind::CompositeType,
                    _ => RelationKind::Other,
                };
                snapshot.relations.insert(ObjectName::new(schema, name), kind);
            }
            "table" => {
                let part: TablePart = json(part)?;
                let name = ObjectName::new(part.schema.as_str(), part.name.as_str());
                let table = self.table(part)?;
                snapshot.tables.insert(name, table);
            }
            "type" => {
                let (schema, name, kind, owned, labels): (String, String, String, bool, Option<Vec<String>>) =
                    json(part)?;
                let kind = if kind == "e" { TypeKind::Enum(labels.unwrap_or_default()) } else { TypeKind::Other };
                snapshot.types.insert(ObjectName::new(schema, name), Type { kind, owned });
            }
            "sequence" => {
                type SequencePart = (
                    String,
                    String,
                    String,
                    i64,
                    i64,
                    i64,
                    i64,
                    i64,
                    bool,
                    bool,
                    Option<String>,
                    Option<String>,
                    Option<String>,
                );
                let s: SequencePart = json(part)?;
                let owned_by = match (s.10, s.11, s.12) {
                    (Some(schema), Some(table), Some(column)) => {
                        Some((ObjectName::new(schema, table), Ident::new(column)))
                    }
                    _ => None,
                };
                let sequence = Sequence {
                    data_type: s.2,
                    start: s.3,
                    increment: s.4,
                    min_value: s.5,
                    max_value: s.6,
                    cache: s.7,
                    cycle: s.8,
                    owned: s.9,
                    owned_by,
                };
                snapshot.sequences.insert(ObjectName::new(s.0, s.1), sequence);
            }
            "extension" => {
                let (name, version, schema): (String, String, String) = json(part)?;
                snapshot.extensions.insert(Ident::new(name), Extension { version, schema: Ident::new(schema) });
            }
            "base_versions" => {
                snapshot.base_versions = Some(json::<BTreeSet<String>>(part)?);
            }
            _ => self.object_part(&mut snapshot.objects, part)?,
        }
        Ok(())
    }

    fn type_name(&mut self, text: &str) -> Result<TypeName, SnapshotError> {
        if let Some(known) = self.types.get(text) {
            return Ok(known.clone());
        }
        let read = TypeName::parse(text).map_err(|error| SnapshotError::Content(error.to_string()))?;
        self.types.insert(text.to_owned(), read.clone());
        Ok(read)
    }

    fn table(&mut self, part: TablePart) -> Result<Table, SnapshotError> {
        let column_parts = part.columns.unwrap_or_default();
        let names: HashMap<i32, Ident> =
            column_parts.iter().map(|column| (column.0, Ident::new(column.1.as_str()))).collect();
        let collated: HashMap<i32, i64> = column_parts.iter().map(|column| (column.0, column.7)).collect();
        let sequences: HashMap<i32, ObjectName> = part
            .owned_sequences
            .unwrap_or_default()
            .into_iter()
            .map(|(number, schema, name)| (number, ObjectName::new(schema, name)))
            .collect();
        let constraint_parts = part.constraints.unwrap_or_default();
        // From version 18 on a NOT NULL may be there without its rows having been checked.
        let unchecked: BTreeSet<i32> = constraint_parts
            .iter()
            .filter(|constraint| constraint.1 == "n" && !constraint.2)
            .flat_map(|constraint| constraint.6.iter().flatten().copied())
            .collect();
        let mut columns = Vec::with_capacity(column_parts.len());
        for (number, name, type_text, not_null, default, identity, generated, collation) in column_parts {
            let type_name = self.type_name(&type_text)?;
            let own = type_name.name() == "name";
            columns.push(Column {
                name: Ident::new(name),
                not_null: not_null && !unchecked.contains(&number),
                default,
                generation: match (identity.as_str(), generated.as_str()) {
                    ("a", _) => Generation::IdentityAlways,
                    ("d", _) => Generation::IdentityByDefault,
                    (_, "s") => Generation::Stored,
                    (_, "v") => Generation::Virtual,
                    _ => Generation::None,
                },
                owned_sequence: sequences.get(&number).cloned(),
                collation: self.collations.get(&collation).filter(|_| !own).cloned(),
                type_name,
            });
        }
        let mut indexes = BTreeMap::new();
        for index in part.indexes.unwrap_or_default() {
            let (name, index) = self.index(index, &names, &collated);
            indexes.insert(name, index);
        }
        let constraints = constraint_parts.into_iter().filter_map(|part| constraint(part, &names, &indexes)).collect();
        let (may_select, may_insert, may_update, may_reference) = part.privileges;
        Ok(Table {
            partitioned: part.partitioned,
            inherits: part.inherits,
            owner: part.owner,
            owned: part.owned,
            may_select,
            may_insert,
            may_update,
            may_reference,
            pages: u64::try_from(part.pages).unwrap_or(0),
            rows: u64::try_from(part.rows).ok().map(RowCount),
            columns,
            constraints,
            indexes,
        })
    }

    fn index(&self, part: IndexPart, names: &HashMap<i32, Ident>, collated: &HashMap<i32, i64>) -> (Ident, Index) {
        let (name, facts, nulls, expressions, predicate, storage, constraint, parameters) = part;
        let mut facts = facts.split('|');
        let mut next = || facts.next().unwrap_or_default();
        let (valid, method, unique, key_length) = (next() == "t", next(), next() == "t", next());
        let numbers = |text: &str| text.split(' ').filter_map(|n| n.parse::<i64>().ok()).collect::<Vec<_>>();
        let (columns, options, classes, collations) =
            (numbers(next()), numbers(next()), numbers(next()), numbers(next()));
        let key_length: usize = key_length.parse().unwrap_or(columns.len());
        let parameters: HashMap<usize, String> =
            parameters.into_iter().flatten().map(|(place, options)| (place, options.join(", "))).collect();
        let name_of = |number: i64| i32::try_from(number).ok().and_then(|number| names.get(&number)).cloned();
        let keys = (0..key_length)
            .map(|place| {
                let number = columns.get(place).copied().unwrap_or(0);
                let option = options.get(place).copied().unwrap_or(0);
                let collation = collations.get(place).copied().unwrap_or(0);
                let column = name_of(number);
                let column_collation = i32::try_from(number).ok().and_then(|number| collated.get(&number)).copied();
                // 100 is the database's default collation, which no index has to name.
                let usual = column_collation.map_or(collation == 0 || collation == 100, |usual| usual == collation);
                IndexKey {
                    target: column.map_or_else(
                        || {
                            let text = expressions.as_ref().and_then(|all| all.get(place)).cloned().unwrap_or_default();
                            IndexTarget::Expression(text)
                        },
                        IndexTarget::Column,
                    ),
                    operator_class: classes.get(place).and_then(|class| self.classes.get(class)).cloned(),
                    operator_class_parameters: parameters.get(&(place + 1)).cloned(),
                    collation: if usual { None } else { self.collations.get(&collation).map(|name| name.name.clone()) },
                    descending: option & 1 != 0,
                    nulls_first: option & 2 != 0,
                }
            })
            .collect();
        let structure = IndexStructure {
            method: method
                .parse()
                .ok()
                .and_then(|oid: i64| self.methods.get(&oid))
                .cloned()
                .unwrap_or_else(|| Ident::new("unknown")),
            unique,
            nulls_not_distinct: nulls.unwrap_or(false),
            keys,
            include: columns.iter().skip(key_length).filter_map(|number| name_of(*number)).collect(),
            predicate,
            storage: storage
                .iter()
                .flatten()
                .filter_map(|option| option.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        let constraint = match constraint.as_deref() {
            Some("p") => Some(IndexConstraint::PrimaryKey),
            Some(_) => Some(IndexConstraint::Other),
            None => None,
        };
        (Ident::new(name), Index { valid, structure, constraint })
    }
}

fn constraint(
    part: ConstraintPart,
    names: &HashMap<i32, Ident>,
    indexes: &BTreeMap<Ident, Index>,
) -> Option<Constraint> {
    let (name, kind, validated, deferrable, initially_deferred, no_inherit, key, reference, text) = part;
    let name = Ident::new(name);
    let columns: Vec<Ident> = key.unwrap_or_default().iter().filter_map(|number| names.get(number)).cloned().collect();
    let index = indexes.get(&name);
    let include = || index.map(|index| index.structure.include.clone()).unwrap_or_default();
    let letter = |text: &str| text.chars().next().unwrap_or('a');
    let kind = match kind.as_str() {
        "p" => ConstraintKind::PrimaryKey { columns, include: include() },
        "u" => ConstraintKind::Unique {
            columns,
            include: include(),
            nulls_not_distinct: index.is_some_and(|index| index.structure.nulls_not_distinct),
        },
        "c" => ConstraintKind::Check { expression: text.unwrap_or_default() },
        "f" => {
            let (schema, table, referenced, on_update, on_delete, matching) = reference?;
            ConstraintKind::ForeignKey(ForeignKey {
                columns,
                table: ObjectName::new(schema, table),
                referenced: referenced.unwrap_or_default().into_iter().map(Ident::new).collect(),
                on_update: letter(&on_update),
                on_delete: letter(&on_delete),
                match_full: matching == "f",
            })
        }
        // NOT NULL of version 18 is a fact of the column.
        "n" => return None,
        _ => ConstraintKind::Other { definition: text.unwrap_or_default() },
    };
    Some(Constraint { name, kind, validated, deferrable, initially_deferred, no_inherit })
}
