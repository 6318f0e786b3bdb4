//! Everything that is in one schema, with its definition as the server prints it: for what a snapshot, which holds only what
//! the scripts name, cannot know.

use std::collections::BTreeMap;

use crate::pg::{Ident, ObjectName};

/// Everything in a schema, but for what belongs to extensions, the table of diesel's migrations, and what comes with
/// something else: the index of a constraint, the sequence of a column, the parts of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The schema.
    pub schema: Ident,
    /// What is in it.
    pub entries: BTreeMap<EntryKey, Entry>,
}

/// Which object it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// The table, view or other relation that it is or belongs to; `None` for what belongs to none.
    pub relation: Option<Ident>,
    /// What it is.
    pub kind: EntryKind,
    /// Its own name: of a routine with the types of its arguments, of a relation the same as above.
    pub name: String,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// An enum type.
    Enum,
    /// A domain, composite, range or base type.
    Type,
    /// A table.
    Table,
    /// A foreign table.
    ForeignTable,
    /// A sequence that no column owns.
    Sequence,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// A column.
    Column,
    /// A constraint, NOT NULL excepted.
    Constraint,
    /// An index that belongs to no constraint.
    Index,
    /// A function, procedure or aggregate.
    Routine,
    /// A trigger.
    Trigger,
    /// A policy of row-level security.
    Policy,
    /// A rule, that of a view excepted.
    Rule,
    /// Extended statistics of a table.
    Statistics,
    /// An extension whose objects are in the schema.
    Extension,
    /// A comment; its name is the object in words: `table public.users`.
    Comment,
    /// The privileges of others than the owner; the name is the object as GRANT names it: `TABLE public.users`.
    Privileges,
}

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::Enum,
        Self::Type,
        Self::Table,
        Self::ForeignTable,
        Self::Sequence,
        Self::View,
        Self::MaterializedView,
        Self::Column,
        Self::Constraint,
        Self::Index,
        Self::Routine,
        Self::Trigger,
        Self::Policy,
        Self::Rule,
        Self::Statistics,
        Self::Extension,
        Self::Comment,
        Self::Privileges,
    ];

    /// Returns the word for messages.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enum => "enum",
            Self::Type => "type",
            Self::Table => "table",
            Self::ForeignTable => "foreign table",
            Self::Sequence => "sequence",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::Routine => "routine",
            Self::Trigger => "trigger",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Statistics => "statistics",
            Self::Extension => "extension",
            Self::Comment => "comment",
            Self::Privileges => "privileges",
        }
    }
}

/// What an object is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its definition, in a form that says the same where two are the same: of a column the type and what follows it, of an
    /// enum its labels, of a constraint what stands behind its name, of an index, routine, trigger or rule the statement that makes
    /// it, of a comment its text.
    pub definition: String,
    /// Of a column: its type, `NOT NULL` and default by themselves.
    pub column: Option<ColumnEntry>,
    /// Of an enum: its labels in order; of privileges each by itself: `SELECT TO boss`.
    pub labels: Vec<String>,
}

/// A column, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnEntry {
    /// Its place in the table.
    pub place: i64,
    /// Its type with its collation; of a column that owns the sequence of its default `serial`, `bigserial` or `smallserial`.
    pub type_name: String,
    /// `NOT NULL`.
    pub not_null: bool,
    /// Its default.
    pub default: Option<String>,
    /// `GENERATED …`, if it is generated or an identity.
    pub generation: Option<String>,
}

impl ColumnEntry {
    /// Returns the type and all that follows it.
    #[must_use]
    pub fn definition(&self) -> String {
        let mut text = self.type_name.clone();
        for (word, part) in [("", &self.generation), ("DEFAULT ", &self.default)] {
            if let Some(part) = part {
                text = format!("{text} {word}{part}");
            }
        }
        if self.not_null { text + " NOT NULL" } else { text }
    }
}

impl Inventory {
    /// Returns the inventory of a schema with nothing in it.
    #[must_use]
    pub const fn empty(schema: Ident) -> Self {
        Self { schema, entries: BTreeMap::new() }
    }

    /// Returns the name of a relation of this schema.
    #[must_use]
    pub fn named(&self, relation: &Ident) -> ObjectName {
        ObjectName { schema: self.schema.clone(), name: relation.clone() }
    }

    /// Returns the object in words, its name as SQL writes it: `column public.users.fax`, `index idx on public.users`.
    #[must_use]
    pub fn words(&self, key: &EntryKey) -> String {
        let word = key.kind.word();
        let name = || Ident::new(key.name.as_str());
        match (key.kind, &key.relation) {
            (EntryKind::Column, Some(table)) => format!("{word} {}.{}", self.named(table), name()),
            (
                EntryKind::Constraint
                | EntryKind::Index
                | EntryKind::Trigger
                | EntryKind::Policy
                | EntryKind::Rule
                | EntryKind::Statistics,
                Some(table),
            ) => {
                format!("{word} {} on {}", name(), self.named(table))
            }
            (EntryKind::Routine, _) => format!("{word} {}.{}", self.schema, key.name),
            (EntryKind::Comment, _) => format!("{word} on {}", key.name),
            (EntryKind::Privileges, _) => {
                let (kind, name) = key.name.split_once(' ').unwrap_or(("", &key.name));
                format!("{word} on {} {name}", kind.to_lowercase())
            }
            (EntryKind::Extension, _) => format!("{word} {}", name()),
            _ => format!("{word} {}", self.named(&name())),
        }
    }

    /// Returns what belongs to a relation and is of a kind.
    pub fn parts<'a>(
        &'a self,
        relation: &'a Ident,
        kind: EntryKind,
    ) -> impl Iterator<Item = (&'a EntryKey, &'a Entry)> {
        let first = EntryKey { relation: Some(relation.clone()), kind, name: String::new() };
        self.entries
            .range(first..)
            .take_while(move |(key, _)| key.relation.as_ref() == Some(relation) && key.kind == kind)
    }
}
