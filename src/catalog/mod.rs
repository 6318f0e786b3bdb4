//! What holds now: our copy of the catalog at one moment, as plain sorted data.
//!
//! A [`Snapshot`] holds only what the scripts name, so its size and cost do not grow with the rest of the database. The
//! `plan` room also uses it as the picture of a database that is part of the way through a plan.

mod census;
mod definition;
mod inventory;
mod object;

use std::collections::{BTreeMap, BTreeSet};

use crate::pg::{Ident, ObjectName, RowCount, ServerVersion, TypeName};

pub use census::{CatalogRows, Census, Surroundings};
pub use inventory::{ColumnEntry, Entry, EntryKey, EntryKind, Inventory};
pub use object::{Granted, Object, ObjectScope, Objects, Policy, Privileges, Routine, RoutineKind, Trigger, View};

/// The catalog at one moment, as far as the scripts name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The server and who we are there.
    pub server: Server,
    /// Where unqualified names of tables, indexes and new types live; `None` where `search_path` names no schema that
    /// exists.
    pub target: Option<Ident>,
    /// The schemas of the effective search path, in order, without the implicit ones.
    pub search_path: Vec<Ident>,
    /// Tables that the scripts name without a schema, found in other schemas of the path and not in the target.
    pub also_in: BTreeSet<ObjectName>,
    /// The schemas concerned.
    pub schemas: BTreeMap<Ident, Schema>,
    /// Tables, partitioned ones included.
    pub tables: BTreeMap<ObjectName, Table>,
    /// Materialised views that the scripts name, with their columns and indexes; what each is made of stands in `objects`.
    pub materialized: BTreeMap<ObjectName, Table>,
    /// Everything that shares the name space of tables and that the scripts name: what it is.
    pub relations: BTreeMap<ObjectName, RelationKind>,
    /// Types that the scripts name and that are not built in.
    pub types: BTreeMap<ObjectName, Type>,
    /// Sequences that the scripts name.
    pub sequences: BTreeMap<ObjectName, Sequence>,
    /// Extensions that the scripts name and that are installed.
    pub extensions: BTreeMap<Ident, Extension>,
    /// Views, routines, triggers, policies, comments and privileges.
    pub objects: Objects,
    /// The versions in `__diesel_schema_migrations`; `None` where the table is not there or may not be read.
    pub base_versions: Option<BTreeSet<String>>,
}

/// The server, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the catalog, independent of the others")]
pub struct Server {
    /// Its version.
    pub version: ServerVersion,
    /// The database.
    pub database: String,
    /// The role that privileges are checked for.
    pub role: String,
    /// Whether that role is a superuser.
    pub superuser: bool,
    /// Whether the role may create schemas in the database.
    pub may_create_schema: bool,
    /// Whether this is a standby.
    pub in_recovery: bool,
    /// Whether transactions are read-only by default.
    pub read_only: bool,
    /// The time zone in which the scripts' statements run.
    pub time_zone: String,
    /// Which transactions had ended (`pg_current_snapshot()`). As long as it stays the same, nothing has been committed.
    pub horizon: String,
}

/// A schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Whether our role may create objects in it.
    pub may_create: bool,
    /// Whether our role may look up objects in it.
    pub may_use: bool,
}

/// What a relation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// An ordinary or partitioned table.
    Table,
    /// An index, and its table.
    Index {
        /// The table.
        table: ObjectName,
        /// Whether that is partitioned.
        partitioned: bool,
    },
    /// A sequence.
    Sequence,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// A foreign table.
    ForeignTable,
    /// A composite type.
    CompositeType,
    /// Anything that a newer server may bring.
    Other,
}

impl RelationKind {
    /// Returns the word for messages, with its article.
    #[must_use]
    pub const fn described(&self) -> &'static str {
        match self {
            Self::Table => "a table",
            Self::Index { .. } => "an index",
            Self::Sequence => "a sequence",
            Self::View => "a view",
            Self::MaterializedView => "a materialized view",
            Self::ForeignTable => "a foreign table",
            Self::CompositeType => "a composite type",
            Self::Other => "another kind of object",
        }
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent fact of pg_class or of the privileges")]
pub struct Table {
    /// Its number in the catalog, which is the order in which locks are asked for; 0 where it is only planned.
    pub oid: u32,
    /// Whether it is partitioned.
    pub partitioned: bool,
    /// Whether it is a partition or has been inherited from another table.
    pub inherits: bool,
    /// Who owns it.
    pub owner: String,
    /// Whether our role has the rights of the owner.
    pub owned: bool,
    /// Whether our role may read it.
    pub may_select: bool,
    /// Whether our role may insert into it.
    pub may_insert: bool,
    /// Whether our role may update it.
    pub may_update: bool,
    /// Whether our role may refer to it by a foreign key.
    pub may_reference: bool,
    /// Pages by the last VACUUM or ANALYZE, or by a look at the file where one was needed.
    pub pages: u64,
    /// Rows by the last VACUUM or ANALYZE; `None` where it was never counted.
    pub rows: Option<RowCount>,
    /// The columns in their order.
    pub columns: Vec<Column>,
    /// The constraints, NOT NULL excepted.
    pub constraints: Vec<Constraint>,
    /// The indexes, by name.
    pub indexes: BTreeMap<Ident, Index>,
}

impl Table {
    /// Returns the column of that name.
    #[must_use]
    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// Returns the column of that name, to be changed.
    pub fn column_mut(&mut self, name: &Ident) -> Option<&mut Column> {
        self.columns.iter_mut().find(|column| column.name == *name)
    }

    /// Returns the constraint of that name.
    #[must_use]
    pub fn constraint(&self, name: &Ident) -> Option<&Constraint> {
        self.constraints.iter().find(|constraint| constraint.name == *name)
    }

    /// Returns the columns of the primary key, if there is one.
    #[must_use]
    pub fn primary_key(&self) -> Option<&[Ident]> {
        self.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns, .. } => Some(columns.as_slice()),
            _ => None,
        })
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its type, types of users with their schema.
    pub type_name: TypeName,
    /// Whether it is NOT NULL and (18) every row has been checked.
    pub not_null: bool,
    /// The default as the server prints it; the expression of a generated column.
    pub default: Option<String>,
    /// Whether it is generated from others, or an identity.
    pub generation: Generation,
    /// The sequence that it owns.
    pub owned_sequence: Option<ObjectName>,
    /// Its collation, where it is not that of its type.
    pub collation: Option<ObjectName>,
}

/// How a column gets values by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// It does not.
    #[default]
    None,
    /// `GENERATED ALWAYS AS IDENTITY`.
    IdentityAlways,
    /// `GENERATED BY DEFAULT AS IDENTITY`.
    IdentityByDefault,
    /// `GENERATED ALWAYS AS (…) STORED`.
    Stored,
    /// `GENERATED ALWAYS AS (…) VIRTUAL`.
    Virtual,
}

/// A constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the catalog, independent of the others")]
pub struct Constraint {
    /// Its name.
    pub name: Ident,
    /// What it says.
    pub kind: ConstraintKind,
    /// Whether the rows that were there before it have been checked.
    pub validated: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub initially_deferred: bool,
    /// `NO INHERIT`; only of a CHECK.
    pub no_inherit: bool,
}

/// What a constraint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// A primary key.
    PrimaryKey {
        /// The key, in order.
        columns: Vec<Ident>,
        /// `INCLUDE`.
        include: Vec<Ident>,
    },
    /// A unique constraint.
    Unique {
        /// The key, in order.
        columns: Vec<Ident>,
        /// `INCLUDE`.
        include: Vec<Ident>,
        /// `NULLS NOT DISTINCT`.
        nulls_not_distinct: bool,
    },
    /// A check: its expression as the server prints it.
    Check {
        /// The expression.
        expression: String,
    },
    /// A foreign key.
    ForeignKey(ForeignKey),
    /// An exclusion constraint, or what a newer server may bring: its definition.
    Other {
        /// As the server prints it.
        definition: String,
    },
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The referencing columns.
    pub columns: Vec<Ident>,
    /// The referenced table.
    pub table: ObjectName,
    /// The referenced columns.
    pub referenced: Vec<Ident>,
    /// `ON UPDATE`: a, r, c, n or d, as in `pg_constraint`.
    pub on_update: char,
    /// `ON DELETE`: a, r, c, n or d, as in `pg_constraint`.
    pub on_delete: char,
    /// `MATCH FULL`.
    pub match_full: bool,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Valid, ready and live.
    pub valid: bool,
    /// What it is made of.
    pub structure: IndexStructure,
    /// The constraint that it belongs to.
    pub constraint: Option<IndexConstraint>,
}

/// Which kind of constraint an index belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexConstraint {
    /// A primary key.
    PrimaryKey,
    /// A unique or exclusion constraint.
    Other,
}

/// What makes two indexes of one table the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexStructure {
    /// The access method.
    pub method: Ident,
    /// Unique.
    pub unique: bool,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// The key, in order.
    pub keys: Vec<IndexKey>,
    /// `INCLUDE`.
    pub include: Vec<Ident>,
    /// `WHERE`, as the server prints it.
    pub predicate: Option<String>,
    /// `WITH (…)`, sorted.
    pub storage: BTreeMap<String, String>,
}

/// One part of an index's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexKey {
    /// The column or expression.
    pub target: IndexTarget,
    /// The operator class, where it is not the default of the type.
    pub operator_class: Option<Ident>,
    /// The parameters of the operator class, as the server prints them.
    pub operator_class_parameters: Option<String>,
    /// The collation, where it is not that of the column.
    pub collation: Option<Ident>,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST`.
    pub nulls_first: bool,
}

/// What one part of an index's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexTarget {
    /// A column.
    Column(Ident),
    /// An expression, as the server prints it.
    Expression(String),
}

/// A type that is not built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// Whether our role has the rights of its owner.
    pub owned: bool,
}

/// What a type is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// An enum: its labels in order.
    Enum(Vec<String>),
    /// A domain, a composite, a range or a base type.
    Other,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// `smallint`, `integer` or `bigint`.
    pub data_type: String,
    /// `START WITH`.
    pub start: i64,
    /// `INCREMENT BY`.
    pub increment: i64,
    /// `MINVALUE`.
    pub min_value: i64,
    /// `MAXVALUE`.
    pub max_value: i64,
    /// `CACHE`.
    pub cache: i64,
    /// `CYCLE`.
    pub cycle: bool,
    /// Whether our role has the rights of its owner.
    pub owned: bool,
    /// The table and column that own it.
    pub owned_by: Option<(ObjectName, Ident)>,
}

/// An installed extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its version.
    pub version: String,
    /// The schema of its objects.
    pub schema: Ident,
}

/// What the scripts name: what a snapshot has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Tables, views, indexes and sequences that are named with their schema.
    pub qualified: BTreeSet<ObjectName>,
    /// Tables that are named without a schema: they decide which schema is the target.
    pub tables: BTreeSet<Ident>,
    /// Indexes and sequences that are named without a schema.
    pub others: BTreeSet<Ident>,
    /// Types that are not built in, by name alone.
    pub types: BTreeSet<Ident>,
    /// Schemas that the scripts create or use.
    pub schemas: BTreeSet<Ident>,
    /// Extensions that the scripts create or drop.
    pub extensions: BTreeSet<Ident>,
    /// Which views, routines, triggers, policies, comments and privileges.
    pub objects: ObjectScope,
    /// `--schema`.
    pub target: Option<Ident>,
}

impl Index {
    /// Returns whether the column is part of the key or of INCLUDE. Expressions and predicates are not looked into.
    #[must_use]
    pub fn uses(&self, column: &Ident) -> bool {
        self.structure.include.contains(column)
            || self.structure.keys.iter().any(|key| matches!(&key.target, IndexTarget::Column(name) if name == column))
    }
}

impl Constraint {
    /// Returns whether the column is one that the constraint names. Expressions are not looked into.
    #[must_use]
    pub fn uses(&self, column: &Ident) -> bool {
        match &self.kind {
            ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
                columns.contains(column)
            }
            ConstraintKind::ForeignKey(key) => key.columns.contains(column),
            ConstraintKind::Check { .. } | ConstraintKind::Other { .. } => false,
        }
    }
}

impl Table {
    /// Renames a column wherever it is named, expressions excepted.
    pub fn rename_column(&mut self, from: &Ident, to: &Ident) {
        let rename = |name: &mut Ident| {
            if name == from {
                *name = to.clone();
            }
        };
        self.columns.iter_mut().for_each(|column| rename(&mut column.name));
        for constraint in &mut self.constraints {
            match &mut constraint.kind {
                ConstraintKind::PrimaryKey { columns, include } | ConstraintKind::Unique { columns, include, .. } => {
                    columns.iter_mut().chain(include).for_each(rename);
                }
                ConstraintKind::ForeignKey(key) => key.columns.iter_mut().for_each(rename),
                ConstraintKind::Check { .. } | ConstraintKind::Other { .. } => {}
            }
        }
        for index in self.indexes.values_mut() {
            index.structure.include.iter_mut().for_each(rename);
            for key in &mut index.structure.keys {
                if let IndexTarget::Column(name) = &mut key.target {
                    rename(name);
                }
            }
        }
    }
}
