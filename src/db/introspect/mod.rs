//! The catalog, read in one query into a [`Snapshot`].

mod census;
mod inventory;
mod objects;
mod printed;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    str::FromStr,
};

use diesel::{
    QueryableByName, RunQueryDsl,
    pg::PgConnection,
    sql_query,
    sql_types::{Array, Text},
};
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;

use crate::{
    catalog::{
        Column, Constraint, ConstraintKind, Extension, ForeignKey, Generation, Index, IndexConstraint, IndexKey,
        IndexStructure, IndexTarget, Objects, RelationKind, Schema, Scope, Sequence, Server, Snapshot, Table, Type,
        TypeKind,
    },
    pg::{Ident, ObjectName, RowCount, SESSION_SETTINGS, ServerVersion, TypeName},
};

use super::{Sent, ServerError};

pub use census::{census, surroundings};
pub use inventory::inventory;

const SESSION: &str = include_str!("session.sql");
/// What every snapshot asks for.
const SNAPSHOT: &str = include_str!("snapshot.sql");
/// What is asked for only where the scripts name such things: each part costs, whatever it finds.
const TYPES: &str = include_str!("types.sql");
const OTHERS: &str = include_str!("others.sql");
const EXTENSIONS: &str = include_str!("extensions.sql");
const BASE: &str = include_str!("base.sql");

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

/// What interrupted work has left behind.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Broken {
    /// In which order it is mended.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub place: i32,
    /// What it is, in words.
    #[diesel(sql_type = Text)]
    pub object: String,
    /// What is wrong with it.
    #[diesel(sql_type = Text)]
    pub why: String,
    /// The statement of an ensure script that mends it.
    #[diesel(sql_type = Text)]
    pub sql: String,
}

const BROKEN: &str = include_str!("broken.sql");

/// Returns what interrupted work has left behind. Cost: one query, which grows with the number of indexes, constraints and columns
/// in the database.
///
/// # Errors
/// [`ServerError`].
pub fn broken(connection: &mut PgConnection) -> Result<Vec<Broken>, ServerError> {
    sql_query(BROKEN).load(connection).map_err(|error| ServerError::recognise(&error, Sent::new(BROKEN)))
}

/// Returns the statements that settle a session for reading the catalog: for the transaction that they stand in where `local`,
/// otherwise for the session. They keep the search path and time zone of the role or database aside, so that it is safe to
/// repeat them.
#[must_use]
pub fn settling(local: bool) -> String {
    let (scope, local) = if local { ("LOCAL", "true") } else { ("SESSION", "false") };
    let mut sql = SESSION.replace(":scope", scope).replace(":local", local);
    for (name, value) in SESSION_SETTINGS {
        let _ = write!(sql, ", set_config('{name}', '{value}', {local})");
    }
    sql
}

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    fields: String,
}

/// Takes a snapshot of what `scope` names: one query. `base` asks for the record of diesel's migrations too.
///
/// Locks: none on tables, except as `snapshot.sql` and `base.sql` say. Cost: grows with what `scope` names, not with the
/// database.
///
/// # Errors
/// [`SnapshotError`].
pub fn snapshot(connection: &mut PgConnection, scope: &Scope, base: bool) -> Result<Snapshot, SnapshotError> {
    let parts = [
        (TYPES, !scope.types.is_empty()),
        (OTHERS, !scope.others.is_empty() || !scope.qualified.is_empty()),
        (EXTENSIONS, !scope.extensions.is_empty()),
        (BASE, base),
    ];
    let mut sql = SNAPSHOT.to_owned();
    for (part, _) in parts.iter().filter(|(_, wanted)| *wanted) {
        sql.push_str("UNION ALL\n");
        sql.push_str(part);
    }
    for part in objects::parts(&scope.objects) {
        sql.push_str("UNION ALL\n");
        sql.push_str(part);
    }
    let qualified = scope.qualified.iter().map(|name| &name.schema);
    let schemas: BTreeSet<&Ident> = qualified.chain(&scope.schemas).chain(&scope.target).collect();
    let qualified = scope.qualified.iter().map(|name| &name.name);
    let relations: BTreeSet<&Ident> = qualified.chain(&scope.tables).chain(&scope.others).collect();
    let facts: Vec<Fact> = sql_query(sql)
        .bind::<Array<Text>, _>(schemas.into_iter().map(Ident::as_str).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(relations.into_iter().map(Ident::as_str).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(scope.types.iter().map(Ident::as_str).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(scope.extensions.iter().map(Ident::as_str).collect::<Vec<_>>())
        .bind::<Text, _>(objects::names(&scope.objects))
        .load(connection)
        .map_err(|error| SnapshotError::Server(Box::new(ServerError::recognise(&error, Sent::new("")))))?;
    Reader::default().read(&facts, scope)
}

/// The fields of one fact, read from left to right.
struct Fields<'a> {
    kind: &'a str,
    fields: std::vec::IntoIter<Option<Cow<'a, str>>>,
}

impl<'a> Fields<'a> {
    fn of(kind: &'a str, text: &'a str) -> Result<Self, SnapshotError> {
        let fields = printed::record(text).ok_or_else(|| SnapshotError::Content(format!("{kind}: {text}")))?;
        Ok(Self { kind, fields: fields.into_iter() })
    }

    fn wrong(&self) -> SnapshotError {
        SnapshotError::Content(format!("{}: a field is not what it should be", self.kind))
    }

    fn maybe(&mut self) -> Option<Cow<'a, str>> {
        self.fields.next().flatten()
    }

    fn text(&mut self) -> Result<Cow<'a, str>, SnapshotError> {
        self.maybe().ok_or_else(|| self.wrong())
    }

    fn ident(&mut self) -> Result<Ident, SnapshotError> {
        self.text().map(Ident::new)
    }

    fn object(&mut self) -> Option<ObjectName> {
        self.maybe().map(|text| printed::object_name(&text))
    }

    fn truth(&mut self) -> Result<bool, SnapshotError> {
        self.text().map(|text| text == "t")
    }

    fn number<T: FromStr>(&mut self) -> Result<T, SnapshotError> {
        let text = self.text()?;
        text.parse().map_err(|_| self.wrong())
    }

    fn numbers(&mut self) -> Vec<i64> {
        self.maybe().map(|text| printed::numbers(&text).collect()).unwrap_or_default()
    }

    /// One letter, as most kinds are in the catalog.
    fn letter(&mut self) -> char {
        self.maybe().and_then(|text| text.chars().next()).unwrap_or(' ')
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, SnapshotError> {
        self.maybe()
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| SnapshotError::Content(format!("{}: {error}", self.kind)))
    }
}

type Oid = u32;

/// A table as far as it has been read.
struct Part {
    name: ObjectName,
    table: Table,
    /// Its columns by their number, each with the oid of its collation.
    columns: BTreeMap<i64, (Column, i64)>,
}

impl Part {
    fn named(&self, number: i64) -> Option<Ident> {
        self.columns.get(&number).map(|(column, _)| column.name.clone())
    }

    fn all_named(&self, numbers: &[i64]) -> Vec<Ident> {
        numbers.iter().filter_map(|number| self.named(*number)).collect()
    }
}

/// Puts the facts together.
#[derive(Default)]
struct Reader {
    types: FxHashMap<String, TypeName>,
    classes: FxHashMap<i64, Ident>,
    schemas: FxHashMap<Oid, Ident>,
    relations: BTreeMap<Oid, (ObjectName, char)>,
    /// The tables of indexes that are named by themselves.
    index_tables: FxHashMap<Oid, ObjectName>,
    parts: BTreeMap<Oid, Part>,
    indexes: FxHashMap<Oid, Ident>,
    recorded: Vec<(Ident, BTreeSet<String>)>,
}

impl Reader {
    fn read(mut self, facts: &[Fact], scope: &Scope) -> Result<Snapshot, SnapshotError> {
        let mut snapshot = None;
        // They name columns by number, and constraints name indexes: they wait until those are known.
        let (mut indexes, mut constraints) = (Vec::new(), Vec::new());
        for fact in facts {
            let mut fields = Fields::of(&fact.kind, &fact.fields)?;
            match (fact.kind.as_str(), &mut snapshot) {
                ("server", _) => snapshot = Some(server(&mut fields)?),
                ("index", _) => indexes.push(fields),
                ("constraint", _) => constraints.push(fields),
                (_, Some(snapshot)) => self.fact(snapshot, &mut fields)?,
                (_, None) => {}
            }
        }
        for mut fields in indexes {
            self.index(&mut fields)?;
        }
        for mut fields in constraints {
            self.constraint(&mut fields)?;
        }
        let snapshot =
            snapshot.ok_or_else(|| SnapshotError::Content("the server said nothing of itself".to_owned()))?;
        Ok(self.settle(snapshot, scope))
    }

    fn fact(&mut self, snapshot: &mut Snapshot, fields: &mut Fields<'_>) -> Result<(), SnapshotError> {
        match fields.kind {
            "schema" => {
                let (oid, name) = (fields.number()?, fields.ident()?);
                let schema = Schema { may_create: fields.truth()?, may_use: fields.truth()? };
                snapshot.schemas.insert(name.clone(), schema);
                self.schemas.insert(oid, name);
            }
            "relation" => self.relation(fields)?,
            "column" => self.column(fields)?,
            "operator_class" => {
                self.classes.insert(fields.number()?, fields.ident()?);
            }
            "type" => {
                let (schema, name) = (fields.number()?, fields.ident()?);
                let (kind, owned, labels) = (fields.letter(), fields.truth()?, fields.json()?);
                let kind = if kind == 'e' { TypeKind::Enum(labels.unwrap_or_default()) } else { TypeKind::Other };
                if let Some(schema) = self.schemas.get(&schema).cloned() {
                    snapshot.types.insert(ObjectName { schema, name }, Type { kind, owned });
                }
            }
            "index_table" => {
                self.index_tables.insert(fields.number()?, fields.object().ok_or_else(|| fields.wrong())?);
            }
            "sequence" => {
                if let Some((name, _)) = self.relations.get(&fields.number()?) {
                    snapshot.sequences.insert(name.clone(), sequence(fields)?);
                }
            }
            "extension" => {
                let name = fields.ident()?;
                let (version, schema) = (fields.text()?.into_owned(), fields.ident()?);
                snapshot.extensions.insert(name, Extension { version, schema });
            }
            "base" => {
                let schema = self.schemas.get(&fields.number()?).cloned();
                self.recorded.extend(schema.zip(fields.json()?));
            }
            _ => self.object_fact(&mut snapshot.objects, fields)?,
        }
        Ok(())
    }

    fn relation(&mut self, fields: &mut Fields<'_>) -> Result<(), SnapshotError> {
        let (oid, schema): (Oid, Oid) = (fields.number()?, fields.number()?);
        let Some(schema) = self.schemas.get(&schema).cloned() else { return Ok(()) };
        let (name, kind) = (ObjectName { schema, name: fields.ident()? }, fields.letter());
        self.relations.insert(oid, (name.clone(), kind));
        if matches!(kind, 'r' | 'p' | 'm') {
            let table = Table {
                oid,
                partitioned: kind == 'p',
                inherits: fields.truth()?,
                owner: fields.text()?.into_owned(),
                owned: fields.truth()?,
                may_select: fields.truth()?,
                may_insert: fields.truth()?,
                may_update: fields.truth()?,
                may_reference: fields.truth()?,
                pages: u64::try_from(fields.number::<i64>()?).unwrap_or(0),
                rows: u64::try_from(fields.number::<i64>()?).ok().map(RowCount),
                ..Table::default()
            };
            self.parts.insert(oid, Part { name, table, columns: BTreeMap::new() });
        }
        Ok(())
    }

    fn column(&mut self, fields: &mut Fields<'_>) -> Result<(), SnapshotError> {
        let Some(part) = self.parts.get_mut(&fields.number()?) else { return Ok(()) };
        let (number, name) = (fields.number()?, fields.ident()?);
        let type_name = type_name(&mut self.types, &fields.text()?)?;
        let not_null = fields.truth()?;
        let mut default = fields.maybe().map(Cow::into_owned);
        let generation = match (fields.letter(), fields.letter()) {
            ('a', _) => Generation::IdentityAlways,
            ('d', _) => Generation::IdentityByDefault,
            (_, 's') => Generation::Stored,
            (_, 'v') => Generation::Virtual,
            _ => Generation::None,
        };
        // The server keeps it where the column's type has a modifier, and otherwise does not.
        if generation == Generation::None && default.as_deref().is_some_and(is_null) {
            default = None;
        }
        let owned_sequence = fields.object();
        part.table.inherits |= fields.truth()?;
        let collation_oid = fields.number()?;
        // Type name has a collation of its own.
        let own = type_name.name() == "name";
        let collation = fields.object().filter(|_| !own);
        let column = Column { name, type_name, not_null, default, generation, owned_sequence, collation };
        part.columns.insert(number, (column, collation_oid));
        Ok(())
    }

    fn index(&mut self, fields: &mut Fields<'_>) -> Result<(), SnapshotError> {
        let (table, oid): (Oid, Oid) = (fields.number()?, fields.number()?);
        let (valid, unique, key_length) = (fields.truth()?, fields.truth()?, fields.number::<usize>()?);
        let (columns, options, classes, collations) =
            (fields.numbers(), fields.numbers(), fields.numbers(), fields.numbers());
        let nulls_not_distinct = fields.maybe().is_some_and(|text| text == "true");
        let expressions = fields.maybe();
        let mut expressions = expressions.iter().flat_map(|list| printed::expressions(list));
        let predicate = fields.maybe().map(Cow::into_owned);
        let collation_names: Vec<String> = fields.json()?.unwrap_or_default();
        let class = fields.text()?;
        let mut class = Fields::of(fields.kind, &class)?;
        let (name, storage): (_, Option<Vec<String>>) = (class.ident()?, class.json()?);
        let method = class.maybe().map_or_else(|| Ident::new("btree"), Ident::new);
        let parameters: Vec<Option<Vec<String>>> = class.json()?.unwrap_or_default();
        let Some(part) = self.parts.get_mut(&table) else { return Ok(()) };
        let keys = columns
            .iter()
            .take(key_length)
            .enumerate()
            .map(|(place, number)| {
                let option = options.get(place).copied().unwrap_or(0);
                let collation = collations.get(place).copied().unwrap_or(0);
                let column = part.columns.get(number);
                // 100 is the database's default collation, which no index has to name.
                let usual = column.map_or(collation == 0 || collation == 100, |(_, usual)| *usual == collation);
                IndexKey {
                    target: column.map_or_else(
                        || IndexTarget::Expression(expressions.next().unwrap_or_default().to_owned()),
                        |(column, _)| IndexTarget::Column(column.name.clone()),
                    ),
                    operator_class: classes.get(place).and_then(|class| self.classes.get(class)).cloned(),
                    operator_class_parameters: parameters
                        .get(place)
                        .and_then(|all| all.as_ref())
                        .map(|all| all.join(", ")),
                    collation: collation_names
                        .get(place)
                        .filter(|_| !usual)
                        .map(|name| printed::object_name(name).name),
                    descending: option & 1 != 0,
                    nulls_first: option & 2 != 0,
                }
            })
            .collect();
        let structure = IndexStructure {
            method,
            unique,
            nulls_not_distinct,
            keys,
            include: columns.iter().skip(key_length).filter_map(|number| part.named(*number)).collect(),
            predicate,
            storage: storage
                .iter()
                .flatten()
                .filter_map(|option| option.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        self.indexes.insert(oid, name.clone());
        part.table.indexes.insert(name, Index { valid, structure, constraint: None });
        Ok(())
    }

    fn constraint(&mut self, fields: &mut Fields<'_>) -> Result<(), SnapshotError> {
        let (table, name, letter): (Oid, _, _) = (fields.number()?, fields.ident()?, fields.letter());
        let (validated, deferrable, initially_deferred) = (fields.truth()?, fields.truth()?, fields.truth()?);
        let (no_inherit, key) = (fields.truth()?, fields.numbers());
        let (index, foreign): (Oid, Oid) = (fields.number()?, fields.number()?);
        let (foreign_name, foreign_key) = (fields.object(), fields.numbers());
        let (on_update, on_delete, matching) = (fields.letter(), fields.letter(), fields.letter());
        let (expression, definition) = (fields.maybe(), fields.maybe());
        let referenced = match self.parts.get(&foreign) {
            Some(part) => Some(part.all_named(&foreign_key)),
            None => definition.as_deref().and_then(printed::referenced_columns),
        };
        let Some(part) = self.parts.get_mut(&table) else { return Ok(()) };
        let columns = part.all_named(&key);
        let index = self.indexes.get(&index).and_then(|name| part.table.indexes.get_mut(name));
        let of_index = |owner| {
            let structure = index.map(|index| {
                index.constraint = Some(owner);
                (index.structure.include.clone(), index.structure.nulls_not_distinct)
            });
            structure.unwrap_or_default()
        };
        // What nothing in a script can ask for is compared by name alone, as an exclusion constraint is.
        let letter = if definition.as_deref().is_some_and(printed::is_more_than_its_kind) { 'x' } else { letter };
        let kind = match letter {
            'p' => ConstraintKind::PrimaryKey { columns, include: of_index(IndexConstraint::PrimaryKey).0 },
            'u' => {
                let (include, nulls_not_distinct) = of_index(IndexConstraint::Other);
                ConstraintKind::Unique { columns, include, nulls_not_distinct }
            }
            'c' => ConstraintKind::Check { expression: expression.map(Cow::into_owned).unwrap_or_default() },
            'f' => {
                let (table, referenced) = foreign_name.zip(referenced).ok_or_else(|| fields.wrong())?;
                let match_full = matching == 'f';
                ConstraintKind::ForeignKey(ForeignKey { columns, table, referenced, on_update, on_delete, match_full })
            }
            // NOT NULL of version 18 is a fact of the column; it may be there without its rows having been checked.
            'n' => {
                for number in key.iter().filter(|_| !validated) {
                    if let Some((column, _)) = part.columns.get_mut(number) {
                        column.not_null = false;
                    }
                }
                return Ok(());
            }
            _ => {
                of_index(IndexConstraint::Other);
                ConstraintKind::Other { definition: definition.map(Cow::into_owned).unwrap_or_default() }
            }
        };
        let constraint = Constraint { name, kind, validated, deferrable, initially_deferred, no_inherit };
        part.table.constraints.push(constraint);
        Ok(())
    }

    /// Finds out which schema unqualified names live in, and keeps what the scripts name: the query asks for every name in every
    /// schema concerned.
    fn settle(self, mut snapshot: Snapshot, scope: &Scope) -> Snapshot {
        let tables = || self.relations.values().filter(|(_, kind)| matches!(kind, 'r' | 'p')).map(|(name, _)| name);
        let unqualified = |name: &ObjectName| scope.tables.contains(&name.name);
        let holds_any = |schema: &&Ident| tables().any(|name| name.schema == **schema && unqualified(name));
        snapshot.target = (scope.target.as_ref())
            .or_else(|| snapshot.search_path.iter().find(holds_any))
            .or_else(|| snapshot.search_path.first())
            .cloned();
        let target = snapshot.target.clone();
        let in_target = |name: &ObjectName| Some(&name.schema) == target.as_ref();
        if scope.target.is_none() {
            let at_home: BTreeSet<&Ident> = tables().filter(|name| in_target(name)).map(|name| &name.name).collect();
            snapshot.also_in = tables()
                .filter(|name| unqualified(name) && snapshot.search_path.contains(&name.schema))
                .filter(|name| !at_home.contains(&name.name))
                .cloned()
                .collect();
        }
        let wanted = |name: &ObjectName| {
            scope.qualified.contains(name)
                || in_target(name) && (unqualified(name) || scope.others.contains(&name.name))
        };
        for (oid, (name, kind)) in self.relations.iter().filter(|(_, (name, _))| wanted(name)) {
            let kind = match kind {
                'r' | 'p' => continue,
                'i' | 'I' => match self.index_tables.get(oid).cloned() {
                    Some(table) => RelationKind::Index { table, partitioned: *kind == 'I' },
                    None => RelationKind::Other,
                },
                'S' => RelationKind::Sequence,
                'v' => RelationKind::View,
                'm' => RelationKind::MaterializedView,
                'f' => RelationKind::ForeignTable,
                'c' => RelationKind::CompositeType,
                _ => RelationKind::Other,
            };
            snapshot.relations.insert(name.clone(), kind);
        }
        snapshot.sequences.retain(|name, _| wanted(name));
        for part in self.parts.into_values().filter(|part| wanted(&part.name)) {
            let mut table = part.table;
            // Before 14 a table that was never counted says 0.
            if snapshot.server.version.major() < 14 && table.pages == 0 && table.rows == Some(RowCount(0)) {
                table.rows = None;
            }
            table.columns = part.columns.into_values().map(|(column, _)| column).collect();
            table.constraints.sort_by(|one, other| one.name.cmp(&other.name));
            let view = snapshot.relations.get(&part.name) == Some(&RelationKind::MaterializedView);
            let all = if view { &mut snapshot.materialized } else { &mut snapshot.tables };
            all.insert(part.name, table);
        }
        // The table of diesel's migrations that diesel would find first.
        let recorded = self.recorded.into_iter();
        let first = recorded.min_by_key(|(schema, _)| (Some(schema) != target.as_ref(), schema.clone()));
        snapshot.base_versions = first.map(|(_, versions)| versions);
        snapshot
    }
}

fn server(fields: &mut Fields<'_>) -> Result<Snapshot, SnapshotError> {
    let server = Server {
        version: ServerVersion(fields.number()?),
        database: fields.text()?.into_owned(),
        role: fields.text()?.into_owned(),
        superuser: fields.truth()?,
        may_create_schema: fields.truth()?,
        in_recovery: fields.truth()?,
        read_only: fields.truth()?,
        time_zone: fields.text()?.into_owned(),
        horizon: fields.text()?.into_owned(),
    };
    let search_path: Vec<String> = fields.json()?.unwrap_or_default();
    Ok(Snapshot {
        server,
        target: None,
        search_path: search_path.into_iter().map(Ident::new).collect(),
        also_in: BTreeSet::new(),
        schemas: BTreeMap::new(),
        tables: BTreeMap::new(),
        relations: BTreeMap::new(),
        types: BTreeMap::new(),
        sequences: BTreeMap::new(),
        extensions: BTreeMap::new(),
        objects: Objects::default(),
        materialized: BTreeMap::new(),
        base_versions: None,
    })
}

fn sequence(fields: &mut Fields<'_>) -> Result<Sequence, SnapshotError> {
    Ok(Sequence {
        data_type: fields.text()?.into_owned(),
        start: fields.number()?,
        increment: fields.number()?,
        min_value: fields.number()?,
        max_value: fields.number()?,
        cache: fields.number()?,
        cycle: fields.truth()?,
        owned: fields.truth()?,
        owned_by: fields.object().zip(fields.maybe().map(Ident::new)),
    })
}

fn type_name(known: &mut FxHashMap<String, TypeName>, text: &str) -> Result<TypeName, SnapshotError> {
    if let Some(type_name) = known.get(text) {
        return Ok(type_name.clone());
    }
    let read = TypeName::parse(text).map_err(|error| SnapshotError::Content(error.to_string()))?;
    known.insert(text.to_owned(), read.clone());
    Ok(read)
}
/// Returns whether a default, as the server prints it, is NULL of a type of its own: `NULL::character varying`. Other types have their
/// schema in front.
fn is_null(default: &str) -> bool {
    default.strip_prefix("NULL::").is_some_and(|type_name| !type_name.contains('.'))
}
